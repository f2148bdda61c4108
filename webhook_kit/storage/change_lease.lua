-- Change for how long a mark lasts, if it is still its owner's.
-- KEYS: the mark.
-- args: owner, lease (ms; 0 deletes it).
-- Return 1, or 0 if it has expired or has another owner.
if redis.call('GET', KEYS[1]) ~= args.owner then return 0 end
if args.lease > 0 then redis.call('PEXPIRE', KEYS[1], args.lease) else redis.call('DEL', KEYS[1]) end
return 1
