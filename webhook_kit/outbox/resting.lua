-- Return the document of an order that can be archived; nil, and no longer list the order, if it cannot.
-- KEYS: resting. args: ref, lane.
--- @include "webhook_kit.outbox/archived"
require_known_lane(args.lane)
local found = document(args.lane)
if not found then redis.call('ZREM', KEYS[1], args.ref) end
return found
