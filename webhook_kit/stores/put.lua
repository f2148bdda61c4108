-- Write or delete the record of a store, unless it was changed since it was read.
-- KEYS: the records.
-- args: store, before (record as it was read, or empty), after (new record, or empty to delete it), version (new, so that a caller
-- that asks again, because the reply was lost, gets the same answer).
-- Return 1, or 0 if the record was changed.
if redis.call('GET', keys.stores_version) == args.version then return 1 end
if (redis.call('HGET', KEYS[1], args.store) or '') ~= args.before then return 0 end
if args.after == '' then
  redis.call('HDEL', KEYS[1], args.store)
else
  redis.call('HSET', KEYS[1], args.store, args.after)
end
redis.call('SET', keys.stores_version, args.version)
return 1
