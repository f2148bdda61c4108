-- Mark an item of a store unavailable and schedule a publication of the catalog.
-- KEYS: the store's unavailable items, catalogs due.
-- args: store, item, available_at (s, or '+inf'), debounce (s), entry (of catalogs due).
-- Return 1 when this is a change, else 0.
local unavailable = keys.unavailable .. args.store
redis.call('ZREMRANGEBYSCORE', unavailable, '-inf', now_ms() / 1000)
local changed = redis.call('ZADD', unavailable, 'CH', args.available_at, args.item)
if changed == 1 then redis.call('ZADD', keys.catalogs_due, 'LT', now_ms() / 1000 + args.debounce, args.entry) end
return changed
