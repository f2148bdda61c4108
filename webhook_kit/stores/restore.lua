-- Write all records of stores back into a Redis that has lost them and their version.
-- KEYS: the records.
-- args: version, records (by store id).
-- Return 1, or 0 if there are records or a version.
if redis.call('EXISTS', KEYS[1], keys.stores_version) > 0 then return 0 end
for store, record in pairs(args.records) do redis.call('HSET', KEYS[1], store, record) end
redis.call('SET', keys.stores_version, args.version)
return 1
