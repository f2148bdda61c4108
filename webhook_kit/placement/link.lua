-- Link an order to its Gett order id, and make its updates ready that have waited for the id.
-- KEYS: the record, the pointer of the Gett order id, the four of a notification.
-- args: ref, lane, gett_id, order_ttl (s).
-- Return 'ok', or why not: 'unknown', or the conflict in words.
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.storage/notify"
require_known_lane(args.lane)
for _, ref in ipairs({args.ref, args.gett_id}) do
  if archived(ref) then return {'archived', ref} end
end
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end
local linked = redis.call('HGET', KEYS[1], 'gett_id') or ''
if linked ~= '' and linked ~= args.gett_id then return 'it is linked to ' .. linked end
local other = redis.call('GET', KEYS[2])
if other and other ~= args.ref then return args.gett_id .. ' belongs to order ' .. other end
redis.call('HSET', KEYS[1], 'gett_id', args.gett_id)
redis.call('SET', KEYS[2], args.ref, 'EX', args.order_ttl)
record(args.lane, 'linked', nil, {gett_id = args.gett_id})
if link(args.lane, args.gett_id) then notify_worker() end
keep_history(args.lane)
return 'ok'
