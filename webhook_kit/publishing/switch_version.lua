-- Make a version a store's current one: it does not expire any more, and the previous one expires after the retention.
-- KEYS: published, superseded.
-- args: store, version, name (of its body in the storage), items (their number), now (s), retention (s).
local published, superseded = keys.published .. args.store, keys.superseded .. args.store
local previous = redis.call('HGET', published, 'version')
redis.call('PERSIST', keys.catalog_set .. args.version)
redis.call('ZREMRANGEBYSCORE', superseded, '-inf', args.now - args.retention)
redis.call('ZREM', superseded, args.version)
if previous and previous ~= args.version then
  redis.call('EXPIRE', keys.catalog_set .. previous, args.retention)
  redis.call('ZADD', superseded, args.now, previous)
end
local stored = keys.stored_catalogs .. args.store
for _, name in ipairs(redis.call('ZRANGEBYSCORE', stored, '+inf', '+inf')) do
  if name ~= args.name then redis.call('ZADD', stored, args.now, name) end
end
redis.call('ZADD', stored, '+inf', args.name)
redis.call('HSET', published, 'version', args.version, 'name', args.name, 'at', args.now, 'items', args.items)
