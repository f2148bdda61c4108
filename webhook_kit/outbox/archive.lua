-- Archive an order, unless it has changed since its document was read.
-- KEYS: the archive of the order, resting.
-- args: ref, lane, digest (SHA-1 of the document), version (of the format), compressed (the document), changed (false: the long-term
-- archive needs no new copy).
-- Return 1, or 0 if it is not archived.
--- @include "webhook_kit.outbox/archived"
local record, state, history = keys.order .. args.ref, keys.lane .. args.lane, keys.history .. args.lane
require_known_lane(args.lane)
local current = document(args.lane)
if not current or redis.sha1hex(current) ~= args.digest then return 0 end
local ttl = math.max(redis.call('PTTL', record), redis.call('PTTL', state))
if ttl <= 0 then return 0 end
local created, gett_id = unpack(redis.call('HMGET', record, 'created', 'gett_id'))
redis.call('SET', KEYS[1], table.concat({args.version, created or '0', args.compressed}, ' '), 'PX', ttl)
redis.call('DEL', record, state, history)
-- A Gett order id that is the orderRef needs no pointer.
if gett_id == args.ref then redis.call('DEL', keys.by_gett_id .. gett_id) end
redis.call('ZREM', KEYS[2], args.ref)
if args.changed and redis.call('EXISTS', keys.archiving) == 1 then
  redis.call('ZADD', keys.archiving_due, string.format('%.0f', math.floor(now_ms())), args.ref)
end
return 1
