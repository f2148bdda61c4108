-- Take a mark for some time, unless another owner has it. An owner that asks again, because the reply was lost, still has it.
-- KEYS: the mark.
-- args: owner, lease (ms).
-- Return 1 if the owner has it.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= args.owner then return 0 end
redis.call('SET', KEYS[1], args.owner, 'PX', args.lease)
return 1
