-- Mark an item of a store available again and schedule a publication of the catalog.
-- KEYS: the store's unavailable items, catalogs due.
-- args: store, item, debounce (s), entry (of catalogs due).
-- Return 1 when this is a change, else 0.
local changed = redis.call('ZREM', keys.unavailable .. args.store, args.item)
if changed == 1 then redis.call('ZADD', keys.catalogs_due, 'LT', now_ms() / 1000 + args.debounce, args.entry) end
return changed
