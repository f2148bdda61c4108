-- Record the outcome of a cancellation at the POS.
-- KEYS: the cancellation of the order.
-- args: owner, state (done, in_doubt; nil: nothing reached the POS, so that it may begin again).
-- Return 1, or 0 if it is another process's.
if redis.call('HGET', KEYS[1], 'owner') ~= args.owner then return 0 end
if args.state then redis.call('HSET', KEYS[1], 'state', args.state) else redis.call('DEL', KEYS[1]) end
return 1
