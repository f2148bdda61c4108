-- Record that the POS is about to be called: from now on it may have the order, and nothing about the order expires.
-- KEYS: the record, unsettled. args: ref, owner, lease (ms), fingerprint, order (JSON).
-- Return 1, or 0 when the claim is no longer the caller's.
--- @include "webhook_kit.placement/records"
local r = redis.call('HMGET', KEYS[1], 'owner', 'state', 'keys', 'gett_id')
local owner, state = r[1], r[2]
if owner ~= args.owner then return 0 end
local now = math.floor(now_ms())
if state == 'calling' then  -- recorded already, and the reply was lost on the way; WAIT needs a write of this connection
  redis.call('HSET', KEYS[1], 'lease', now + args.lease)
  return 1
end
if state ~= 'claimed' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'calling', 'doubt', '1', 'lease', now + args.lease, 'fp', args.fingerprint,
           'order', args.order, 'updated', now)
persist(KEYS[1], r[3], r[4])
redis.call('ZADD', KEYS[2], now + args.lease, args.ref)
return 1
