-- Renew the lease of a claim whose POS call still runs.
-- KEYS: the record, unsettled. args: ref, owner, lease (ms). Does nothing when the claim is no longer the caller's.
if redis.call('HGET', KEYS[1], 'owner') ~= args.owner then return end
local lease = math.floor(now_ms()) + args.lease
redis.call('HSET', KEYS[1], 'lease', lease)
redis.call('ZADD', KEYS[2], 'XX', lease, args.ref)
