-- Append an update to a lane and notify a worker.
-- KEYS: the lane's state, its queue, the four of a notification.
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.storage/notify"
require_known_lane(args.lane)
local ref = order_of(args.lane)
if ref and archived(ref) then return {'archived', ref} end
local result = append(args.lane, args)
if result == 'ok' then notify_worker() end
return result
