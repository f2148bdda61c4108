-- Take orders out of the queue of the long-term archive, unless they were queued again since they were read.
-- KEYS: the queue.
-- args: refs, moments (those of their entries, ms), again (true: it is written again later), delay (ms until then).
for place, ref in ipairs(args.refs) do
  if tonumber(redis.call('ZSCORE', KEYS[1], ref) or '') == args.moments[place] then
    if args.again[place] then
      redis.call('ZADD', KEYS[1], string.format('%.0f', math.floor(now_ms()) + args.delay), ref)
    else
      redis.call('ZREM', KEYS[1], ref)
    end
  end
end
