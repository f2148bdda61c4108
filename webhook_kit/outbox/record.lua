-- Record a response of Gett, or its absence, in the sending state.
-- KEYS: the sending state.
-- args: event, and of
--   response       no more fields: failures are over, the circuit closes, a halt is lifted
--   limits         remaining, reset (Unix ms): Gett's own figures of the quota
--   rate_limited   wait (ms): a 429
--   failure        threshold, longest (ms): no answer, or a failure of Gett; several in a row open the circuit
--   halt           reason: Gett refuses the API key; another key is not halted
--- @include "webhook_kit.outbox/sending"
local event, now = args.event, now_ms()
if event == 'response' then
  record_response()
elseif event == 'limits' then
  if args.reset <= now or args.reset > now + 3600000 then return end  -- in the past or the distant future: not true
  local r = redis.call('HMGET', keys.sending, 'remaining', 'remaining_until')
  -- Answers overtake each other: within one window the smallest figure is the newest.
  if tonumber(r[2] or '0') ~= args.reset or args.remaining < tonumber(r[1] or '-1') then
    redis.call('HSET', keys.sending, 'remaining', args.remaining, 'remaining_until', args.reset)
  end
elseif event == 'rate_limited' then
  close_circuit()
  local blocked_until = tonumber(redis.call('HGET', keys.sending, 'blocked_until') or '0')
  redis.call('HSET', keys.sending, 'blocked_until', format_ms(math.max(now + args.wait, blocked_until)))
elseif event == 'failure' then
  local open_until = tonumber(redis.call('HGET', keys.sending, 'open_until') or '0')
  -- What was under way when the circuit opened is not a new failure.
  if now < open_until and redis.call('HDEL', keys.sending, 'probing') == 0 then return end
  local failures = redis.call('HINCRBY', keys.sending, 'failures', 1)
  if failures >= args.threshold then
    local pause = math.min(args.longest, 1000 * 2 ^ math.min(failures - args.threshold, 20))
    redis.call('HSET', keys.sending, 'open_until', format_ms(now + pause))
    redis.call('HSETNX', keys.sending, 'opened_at', format_ms(now))
  end
elseif event == 'halt' then
  redis.call('HSET', keys.halt, args.key, args.reason)
  redis.call('HSETNX', keys.halt, args.key .. ':since', format_ms(now))
  probe_in_a_minute()
  redis.call('EXPIRE', keys.halt, 86400)  -- of a key that nobody uses any more
end
