-- Let a POS's order id lead to an order again, after Redis was emptied.
-- KEYS: the pointer of the POS's order id. args: ref, ttl (s), ended.
-- Return the orderRef of another order that has the id, or an empty text.
--- @include "webhook_kit.outbox/pos_ids"
return point_pos_id(KEYS[1], args.ref, args.ttl, args.ended) or ''
