-- Take on the work on catalogs that is due: until its lease ends, nobody else gets it.
-- KEYS: the work.
-- args: lease (s).
-- Return the entries, each followed by the moment at which its lease ends (s).
local now, claimed = now_ms() / 1000, {}
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  local ends = string.format('%.3f', now + args.lease)
  redis.call('ZADD', KEYS[1], ends, entry)
  claimed[#claimed + 1] = entry
  claimed[#claimed + 1] = ends
end
return claimed
