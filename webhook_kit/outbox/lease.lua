-- Lease the lanes to send now, most urgent first, as far as circuit breaker, halt and quota allow.
-- KEYS: ready, delayed.
-- args: limit, lease (ms), owner, quota, merging, notified (true: the job of a notification begins with this call).
-- Return {status, ms to wait, now (ms), a lane that is left to a worker of a later version (or an empty text) and its format, then lane, update, kind, store, gett_id, attempts of each lease}.
--- @include "webhook_kit.outbox/lanes"
--- @include "webhook_kit.outbox/sending"
local earlier = redis.call('GET', keys.leases .. args.owner)
if earlier then return cjson.decode(earlier) end  -- the caller asks again, because the reply was lost
local limit, quota, now = args.limit, args.quota, now_ms()
if args.notified then redis.call('DEL', keys.notified) end

local left = {'', ''}
-- Postpone a lane that a worker of a later version has to send. Return true if it is such a lane.
local function leave_to_newer(lane)
  local format = newer_lane(lane)
  if not format then return false end
  left = {lane, format}
  redis.call('ZADD', keys.delayed, format_ms(now + 1000), lane)
  return true
end
local function answer(status, wait, ...) return {status, format_ms(wait), format_ms(now), left[1], left[2], ...} end

for _, lane in ipairs(redis.call('ZRANGEBYSCORE', keys.delayed, '-inf', format_ms(now), 'LIMIT', 0, 100)) do
  redis.call('ZREM', keys.delayed, lane)
  if not leave_to_newer(lane) then
    local head = redis.call('LINDEX', keys.queue .. lane, 0)
    if (redis.call('HGET', keys.lane .. lane, 'owner') or '') ~= '' then
      -- A lease that has run out: its sender is dead. Several in a row: the outcome cannot be recorded, and the attempts count.
      redis.call('HDEL', keys.lane .. lane, 'owner')
      if redis.call('HINCRBY', keys.lane .. lane, 'lapses', 1) > 1 then redis.call('HINCRBY', keys.lane .. lane, 'attempts', 1) end
      if head then record_again(lane, 'lapsed', cjson.decode(head).id) end
    end
    if head then make_ready(lane, cjson.decode(head)) end
  end
end
if redis.call('EXISTS', keys.ready) == 0 then
  local next_due = redis.call('ZRANGE', keys.delayed, 0, 0, 'WITHSCORES')
  return answer('idle', next_due[2] and math.max(0, next_due[2] - now) or -1)
end

local halted = redis.call('HEXISTS', keys.halt, args.key) == 1
local r = redis.call('HMGET', keys.sending, 'blocked_until', 'open_until', 'tokens', 'filled')
if halted then
  local probe_at = tonumber(redis.call('HGET', keys.halt, args.key .. ':probe_at') or '0')
  if now < probe_at then return answer('halted', probe_at - now) end
  limit = 1
end
local blocked_until, open_until = tonumber(r[1] or '0'), tonumber(r[2] or '0')
if now < blocked_until then return answer('rate_limited', blocked_until - now) end
if open_until > 0 then
  if now < open_until then return answer('circuit_open', open_until - now) end
  limit = 1
end

local tokens, window = 0, nil
if quota.limit > 0 then
  window = sliding_window(now, quota)
  tokens = math.min(quota.burst, tonumber(r[3] or quota.burst) + (now - tonumber(r[4] or '0')) * quota.limit / quota.window)
end
local leases, taken, due, wait = {}, {}, {}, 0
local ready, listed = {}, redis.call('ZRANGEBYSCORE', keys.ready, '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
for position = 1, #listed, 2 do
  if leave_to_newer(listed[position]) then
    redis.call('ZREM', keys.ready, listed[position])
  else
    ready[#ready + 1] = {lane = listed[position], urgent = tonumber(listed[position + 1]) < 10000000000000}
  end
end
for _, each in ipairs(ready) do
  local lane, urgent, place = each.lane, each.urgent, nil
  if window then
    wait = window_wait(window, urgent)
    if not urgent and tokens < 1 then wait = math.max(wait, (1 - tokens) * quota.window / quota.limit) end
    if wait > 0 then break end
    if not urgent then tokens = tokens - 1 end
    place = take_place(window)
  end
  taken[#taken + 1] = lane
  if args.merging then merge_all(lane) end
  local head = redis.call('LINDEX', keys.queue .. lane, 0)
  if head then
    local state = keys.lane .. lane
    local fields = redis.call('HMGET', state, 'kind', 'store', 'gett_id', 'attempts')
    redis.call('HSET', state, 'owner', args.owner)
    if place then redis.call('HSET', state, 'send_entry', place) end
    due[#due + 1] = format_ms(now + args.lease)
    due[#due + 1] = lane
    for _, part in ipairs({lane, head, fields[1] or '', fields[2] or '', fields[3] or '', fields[4] or '0'}) do
      leases[#leases + 1] = part
    end
  end
end
if #taken > 0 then redis.call('ZREM', keys.ready, unpack(taken)) end
if #due > 0 then redis.call('ZADD', keys.delayed, unpack(due)) end
if window then redis.call('HSET', keys.sending, 'tokens', format_ms(tokens), 'filled', format_ms(now)) end
if #due > 0 then  -- while Gett is in trouble this one send is the probe
  if halted then probe_in_a_minute() end
  if open_until > 0 then redis.call('HSET', keys.sending, 'open_until', format_ms(now + args.lease), 'probing', 1) end
end
local reply = answer(#due > 0 and 'leased' or 'paced', wait, unpack(leases))
if #due > 0 then redis.call('SET', keys.leases .. args.owner, cjson.encode(reply), 'EX', 10) end
return reply
