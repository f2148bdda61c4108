-- Add an entry to the history of an order, and keep the order out of the look-ups for a while.
-- KEYS: the record, unsettled. args: ref, lane, event, details (JSON), postpone (ms, or nil).
-- Return 1, or 0 when nothing is kept of the order.
--- @include "webhook_kit.outbox/archived"
require_known_lane(args.lane)
if archived(args.ref) then return {'archived', args.ref} end
if args.postpone then redis.call('ZADD', KEYS[2], 'XX', format_ms(now_ms() + args.postpone), args.ref) end
if redis.call('EXISTS', KEYS[1], keys.lane .. args.lane) == 0 then return 0 end
record_again(args.lane, args.event, nil, cjson.decode(args.details))
keep_history(args.lane)
return 1
