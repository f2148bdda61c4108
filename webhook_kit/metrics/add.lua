-- Add what a process has counted, once although the client sends it again after a lost reply.
-- KEYS: the totals, the slot of five minutes, the number of the process's last batch.
-- args: batch (a number), totals, graphed (field, increment, ...), slot_ttl (s).
if redis.call('GET', KEYS[3]) == string.format('%d', args.batch) then return 0 end

local function add(key, increments)
  for position = 1, #increments, 2 do redis.call('HINCRBY', key, increments[position], increments[position + 1]) end
end

add(KEYS[1], args.totals)
if #args.graphed > 0 then
  add(KEYS[2], args.graphed)
  redis.call('EXPIRE', KEYS[2], args.slot_ttl)
end
redis.call('SET', KEYS[3], args.batch, 'EX', 86400)
return 1
