-- Make a version a store's current one: it does not expire any more, and the previous one expires after the retention.
-- KEYS: published, superseded.
-- args: store, version, items (their number), now (s), retention (s).
local published, superseded = keys.published .. args.store, keys.superseded .. args.store
local previous = redis.call('HGET', published, 'version')
redis.call('PERSIST', keys.catalog_set .. args.version)
redis.call('ZREM', superseded, args.version)
if previous and previous ~= args.version then
  redis.call('EXPIRE', keys.catalog_set .. previous, args.retention)
  redis.call('ZADD', superseded, args.now, previous)
end
redis.call('HSET', published, 'version', args.version, 'at', args.now, 'items', args.items)
