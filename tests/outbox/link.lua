-- Attach a Gett order id to a lane, as placement does. KEYS: the lane's state. args: lane, gett_id.
--- @include "webhook_kit.outbox/lanes"
return tostring(link(args.lane, args.gett_id))
