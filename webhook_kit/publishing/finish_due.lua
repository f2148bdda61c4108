-- Remove work that was taken on and queued, unless it was requested again meanwhile.
-- KEYS: the work.
-- args: entry, ends (its lease, s, as text).
local due = redis.call('ZSCORE', KEYS[1], args.entry)
if due and tonumber(due) == tonumber(args.ends) then redis.call('ZREM', KEYS[1], args.entry) end
