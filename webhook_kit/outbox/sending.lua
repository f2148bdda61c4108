-- Library of the sending state: circuit breaker, halt, and the quota's sliding window.
--
-- key      type     holds
-- sending  hash     blocked_until (a 429), open_until, opened_at, probing, failures (circuit breaker), tokens, filled (pacing), remaining, remaining_until (of the quota, by Gett's headers)
-- halt     hash     <key>: the reason for which Gett refuses this API key (an id of it), <key>:since, <key>:probe_at: when it is tried again
-- sends    list     moments of the last sends, newest first, as many as the quota
--
-- Moments are Redis TIME in ms. args.key: id of the caller's API key.

-- Let this API key be tried again in a minute.
local function probe_in_a_minute()
  redis.call('HSET', keys.halt, args.key .. ':probe_at', format_ms(now_ms() + 60000))
end

-- Close the circuit breaker: Gett answers. Sending starts slowly after it was open.
local function close_circuit()
  if redis.call('HEXISTS', keys.sending, 'open_until') == 1 then
    redis.call('HSET', keys.sending, 'tokens', 1, 'filled', format_ms(now_ms()))
  end
  redis.call('HDEL', keys.sending, 'failures', 'open_until', 'opened_at', 'probing')
end

-- Record an answer that shows that Gett works and accepts the API key.
local function record_response()
  close_circuit()
  redis.call('HDEL', keys.halt, args.key, args.key .. ':since', args.key .. ':probe_at')
end

-- The quota's window: no span of quota.window ms holds more than quota.limit sends. Gett's own figures narrow it further.
local function sliding_window(now, quota)
  local r = redis.call('HMGET', keys.sending, 'remaining', 'remaining_until')
  local current = r[2] and now < tonumber(r[2])
  return {now = now, quota = quota, remaining = current and tonumber(r[1]), remaining_until = current and tonumber(r[2])}
end

-- Return for how many ms nothing more may be sent; quota.reserve places are kept for urgent updates.
local function window_wait(window, urgent)
  local quota, wait = window.quota, 0
  local oldest = redis.call('LINDEX', keys.sends, (urgent and quota.limit or quota.limit - quota.reserve) - 1)
  if oldest then wait = oldest + quota.window - window.now end
  if window.remaining and window.remaining <= 0 then wait = math.max(wait, window.remaining_until - window.now) end
  return math.max(wait, 0)
end

-- Take a place in the window for one send. Return its entry.
local function take_place(window)
  local entry = format_ms(window.now)
  if redis.call('LPUSH', keys.sends, entry) > window.quota.limit then
    redis.call('LTRIM', keys.sends, 0, window.quota.limit - 1)
  end
  if window.remaining then window.remaining = redis.call('HINCRBY', keys.sending, 'remaining', -1) end
  return entry
end

-- Move a send's entry to now. Gett counted it at some moment before its answer; for us it counts from the later one.
local function move_place(entry)
  if redis.call('LREM', keys.sends, 1, entry) == 1 then redis.call('LPUSH', keys.sends, format_ms(now_ms())) end
end
