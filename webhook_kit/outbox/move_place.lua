-- Move the entry of a call outside the lanes to the moment of its answer.
-- KEYS: sends. args: place (its entry; empty without a quota).
--- @include "webhook_kit.outbox/sending"
move_place(args.place)
