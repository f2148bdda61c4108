"""The Lua of the outbox. Time is Redis TIME in ms; ``P`` is the prefix of all keys (named as in :mod:`webhook_kit.storage.keys`).

=======================  ============  =====================================================================================
key                      type          holds
=======================  ============  =====================================================================================
``lane:<lane>``          hash          kind, store, gett_id, rank (highest ever appended), last (last body appended), closed,
                                       owner (who sends the head), attempts, acked (last body Gett took), acked_rank, acked_id, acked_at,
                                       given_up (last body buried or dropped since), booked (while sent under a quota: its entry in sends)
``queue:<lane>``         list          updates that Gett has not taken, oldest first, as JSON: id, at, since, rank, class, body
``history:<lane>``       list          what became of each update, newest last, trimmed
``ready``                sorted set    lanes to send now, by class × 10^13 + the moment since which Gett's belief is out of date
``delayed``              sorted set    lanes being sent or postponed, by the moment at which they are due again
``unlinked``             sorted set    lanes of orders whose Gett id is unknown, by the moment of the first update
``sends``                list          moments of the last sends (booked, then answered), newest first, as many as the quota
``gate``                 hash          what holds sending back: blocked_until, open_until, probing, failures, probe_at (of a halt),
                                       tokens, filled, left, left_until
``halt``                 string        why nothing may be sent (Gett refuses our key)
``seq`` ``counts``       string, hash  the number of the last update; how many updates ended in which way
``dead`` ``dead-at``     hash, zset    dead letters by number, and when each was buried
=======================  ============  =====================================================================================
"""

from __future__ import annotations

__all__ = ["APPEND", "BURIED", "LIBRARY", "LINK", "NEXT", "SETTLE", "TOUCH", "WAKE_IF_READY"]

LIBRARY = """
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + t[2] / 1000
end
local function ms(number) return string.format('%.3f', number) end
local function wake(key, arg)
  -- KEYS[key..key+3]: flag, job, queue of RQ, set of queues; ARGV[arg], [arg+1]: job id, the job's fields as MessagePack
  if redis.call('SET', KEYS[key], ARGV[arg], 'NX', 'EX', 15) then
    redis.call('HSET', KEYS[key + 1], unpack(cmsgpack.unpack(ARGV[arg + 1])))
    redis.call('SADD', KEYS[key + 3], KEYS[key + 2])
    redis.call('RPUSH', KEYS[key + 2], ARGV[arg])
  end
end
local function note(P, lane, what, number, more)
  local entry = {at = ms(clock()), what = what, update = number}
  for name, value in pairs(more or {}) do entry[name] = value end
  local key = P .. 'history:' .. lane
  redis.call('RPUSH', key, cjson.encode(entry))
  redis.call('LTRIM', key, -100, -1)
end
local function count(P, what, by) redis.call('HINCRBY', P .. 'counts', what, by or 1) end
local function make_ready(P, lane, head)
  redis.call('ZADD', P .. 'ready', ms(head.class * 10000000000000 + head.since), lane)
end
local function keep(P, lane, seconds)
  for _, kind in ipairs({'lane:', 'history:'}) do redis.call('EXPIRE', P .. kind .. lane, seconds) end
end
-- Gett is there: the circuit closes. After a breakdown sending starts slowly.
local function close_circuit(P)
  if redis.call('HEXISTS', P .. 'gate', 'open_until') == 1 then
    redis.call('HSET', P .. 'gate', 'tokens', 1, 'filled', ms(clock()))
  end
  redis.call('HDEL', P .. 'gate', 'failures', 'open_until', 'probing')
end
-- Gett answered, and takes our key.
local function answered(P)
  close_circuit(P)
  redis.call('DEL', P .. 'halt')
end
-- Fold the update at the given end into the newer one: Gett is told the newest truth only.
local function merge(P, lane, older, newer)
  newer.since = math.min(newer.since, older.since)
  newer.class = math.min(newer.class, older.class)
  if older.body.estimatedReadyAt and not newer.body.estimatedReadyAt and (newer.rank == 1 or newer.rank == 2) then
    newer.body.estimatedReadyAt = older.body.estimatedReadyAt
  end
  note(P, lane, 'merged', older.id, {into = newer.id})
  count(P, 'merged')
end
-- Put an update at the end of its lane; what waits there, and is not being sent, merges into it.
local function put(P, lane, new, merging, busy)
  local queue = P .. 'queue:' .. lane
  if merging then
    while redis.call('LLEN', queue) > (busy and 1 or 0) do merge(P, lane, cjson.decode(redis.call('RPOP', queue)), new) end
  end
  redis.call('RPUSH', queue, cjson.encode(new))
  for _, kind in ipairs({'lane:', 'history:'}) do redis.call('PERSIST', P .. kind .. lane) end
  if not busy and (new.class == 0 or not redis.call('ZSCORE', P .. 'delayed', lane)) then
    redis.call('ZREM', P .. 'delayed', lane)
    make_ready(P, lane, cjson.decode(redis.call('LINDEX', queue, 0)))
  end
end
-- Append an update. u: kind, store, gett_id, rank, class, body (a table), force, merging, ttl.
-- Answers 'ok' and its number, or why not: 'closed', 'stale', 'same'.
local function append(P, lane, u)
  local key, queue, now = P .. 'lane:' .. lane, P .. 'queue:' .. lane, clock()
  local r = redis.call('HMGET', key, 'rank', 'last', 'closed', 'owner', 'gett_id')
  local last_rank, body = tonumber(r[1] or '0'), cjson.encode(u.body)
  if u.kind == 'order' then
    if r[3] == '1' and not u.force then return {r[2] == u.text and 'same' or 'closed', '0'} end
    local floor, tail = last_rank, redis.call('LINDEX', queue, -1)
    -- Force may go back behind what was dropped or buried, never behind what Gett took or is about to be told.
    if u.force then floor = tail and cjson.decode(tail).rank or tonumber(redis.call('HGET', key, 'acked_rank') or '0') end
    if u.rank < floor then return {'stale', '0'} end
  end
  if r[2] == u.text and not u.force then return {'same', '0'} end
  local new = {id = redis.call('INCR', P .. 'seq'), at = now, since = now, rank = u.rank, class = u.class, body = u.body}
  count(P, 'appended')
  note(P, lane, 'appended', new.id, {body = u.body})
  if u.kind == 'order' then redis.call('ZREM', P .. 'unconfirmed', string.sub(lane, 7)) end
  local gett_id = (r[5] and r[5] ~= '') and r[5] or u.gett_id
  redis.call('HSET', key, 'kind', u.kind, 'store', u.store, 'gett_id', gett_id, 'rank', u.rank,
             'last', u.text, 'closed', u.rank >= 8 and '1' or '0', 'ttl', u.ttl)
  put(P, lane, new, u.merging, (r[4] or '') ~= '')
  if u.kind == 'order' and gett_id == '' then
    redis.call('ZREM', P .. 'ready', lane)
    redis.call('ZADD', P .. 'unlinked', 'NX', ms(now), lane)
  else
    redis.call('ZREM', P .. 'unlinked', lane)
  end
  return {'ok', tostring(new.id)}
end
"""
"""Functions shared by every script that appends; the receiver's settling appends with them too."""

APPEND = (
    LIBRARY
    + """
-- KEYS: flag, job, queue of RQ, set of queues.
-- ARGV: P, lane, kind, store, gett_id, rank, class, body, force, merging, TTL, job id, fields.
local said = append(ARGV[1], ARGV[2], {kind = ARGV[3], store = ARGV[4], gett_id = ARGV[5], rank = tonumber(ARGV[6]),
  class = tonumber(ARGV[7]), body = cjson.decode(ARGV[8]), text = ARGV[8], force = ARGV[9] == '1', merging = ARGV[10] == '1',
  ttl = ARGV[11]})
if said[1] == 'ok' then wake(1, 12) end
return said
"""
)
"""Append one update and wake a worker: one transaction."""

NEXT = (
    LIBRARY
    + """
-- ARGV: P, how many, lease ms, owner, quota, window ms, share kept for urgent updates, burst, merging,
--       whether a wake-up begins with this.
-- Answers {verdict, wait ms, lease…}; a lease is lane, update, kind, store, gett_id, attempts.
local P, want, lease, owner = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local quota, window, spare, burst = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local merging, now = ARGV[9] == '1', clock()
if ARGV[10] == '1' then redis.call('DEL', P .. 'wake') end

for _, lane in ipairs(redis.call('ZRANGEBYSCORE', P .. 'delayed', '-inf', ms(now), 'LIMIT', 0, 100)) do
  redis.call('ZREM', P .. 'delayed', lane)
  redis.call('HSET', P .. 'lane:' .. lane, 'owner', '')  -- a lease that has run out: its sender is dead
  local head = redis.call('LINDEX', P .. 'queue:' .. lane, 0)
  if head then make_ready(P, lane, cjson.decode(head)) end
end
local top = redis.call('ZRANGE', P .. 'ready', 0, 0, 'WITHSCORES')
if #top == 0 then
  local later = redis.call('ZRANGE', P .. 'delayed', 0, 0, 'WITHSCORES')
  return {'idle', later[2] and ms(math.max(0, later[2] - now)) or '-1'}
end

local halted = redis.call('GET', P .. 'halt')
local g = redis.call('HMGET', P .. 'gate', 'blocked_until', 'open_until', 'failures', 'tokens', 'filled', 'left', 'left_until',
                     'probe_at')
if halted then
  local probe = tonumber(g[8] or '0')
  if now < probe then return {'halted', ms(probe - now)} end
  want = 1
end
local blocked, open = tonumber(g[1] or '0'), tonumber(g[2] or '0')
if now < blocked then return {'blocked', ms(blocked - now)} end
if open > 0 then
  if now < open then return {'open', ms(open - now)} end
  want = 1
end

local tokens, left = 0, nil
if quota > 0 then
  local filled = tonumber(g[5] or '0')
  tokens = math.min(burst, tonumber(g[4] or burst) + (now - filled) * quota / window)
  if g[7] and now < tonumber(g[7]) then left = tonumber(g[6]) end
end
local found, leased, wait = {}, 0, 0
while leased < want do
  top = redis.call('ZRANGE', P .. 'ready', 0, 0, 'WITHSCORES')
  if #top == 0 then break end
  local lane, urgent = top[1], tonumber(top[2]) < 10000000000000
  if quota > 0 then
    local cap = urgent and quota or quota - spare
    local nth = redis.call('LINDEX', P .. 'sends', cap - 1)
    if nth then wait = math.max(0, nth + window - now) end
    if left and left <= 0 then wait = math.max(wait, tonumber(g[7]) - now) end
    if not urgent and tokens < 1 then wait = math.max(wait, (1 - tokens) * window / quota) end
    if wait > 0 then break end
    if not urgent then tokens = tokens - 1 end
    redis.call('LPUSH', P .. 'sends', ms(now))
    redis.call('LTRIM', P .. 'sends', 0, quota - 1)
    if left then left = left - 1 end
  end
  local queue, key = P .. 'queue:' .. lane, P .. 'lane:' .. lane
  redis.call('ZREM', P .. 'ready', lane)
  if merging then
    while redis.call('LLEN', queue) > 1 do
      local older, newer = cjson.decode(redis.call('LPOP', queue)), cjson.decode(redis.call('LPOP', queue))
      merge(P, lane, older, newer)
      redis.call('LPUSH', queue, cjson.encode(newer))
    end
  end
  local head = redis.call('LINDEX', queue, 0)
  if head then
    local r = redis.call('HMGET', key, 'kind', 'store', 'gett_id', 'attempts')
    redis.call('HSET', key, 'owner', owner)
    if quota > 0 then redis.call('HSET', key, 'booked', ms(now)) end
    redis.call('ZADD', P .. 'delayed', ms(now + lease), lane)
    for _, part in ipairs({lane, head, r[1] or '', r[2] or '', r[3] or '', r[4] or '0'}) do found[#found + 1] = part end
    leased = leased + 1
  end
end
if quota > 0 then
  redis.call('HSET', P .. 'gate', 'tokens', ms(tokens), 'filled', ms(now))
  if left then redis.call('HSET', P .. 'gate', 'left', left) end
end
if leased > 0 then  -- while Gett is in trouble this one send is the probe
  if halted then redis.call('HSET', P .. 'gate', 'probe_at', ms(now + 60000)) end
  if open > 0 then redis.call('HSET', P .. 'gate', 'open_until', ms(now + lease), 'probing', 1) end
end
return {leased > 0 and 'send' or 'wait', ms(wait), unpack(found)}
"""
)
"""Choose what to send now: most urgent first, after every gate has been asked, each send booked on the quota."""

SETTLE = (
    LIBRARY
    + """
-- KEYS: flag, job, queue of RQ, set of queues.
-- ARGV: P, lane, owner, update number, outcome (sent, postponed, buried), delay ms, charge, why, merging, HTTP status,
--       job id, fields.
local P, lane, outcome = ARGV[1], ARGV[2], ARGV[5]
local key, queue, now = P .. 'lane:' .. lane, P .. 'queue:' .. lane, clock()
if redis.call('HGET', key, 'owner') ~= ARGV[3] then return 'stale' end
local head = redis.call('LINDEX', queue, 0)
if not head then return 'stale' end
local update = cjson.decode(head)
if tostring(update.id) ~= ARGV[4] then return 'stale' end
redis.call('HSET', key, 'owner', '')
redis.call('ZREM', P .. 'delayed', lane)
-- Gett counted the send at some moment between its booking and its answer; for us it counts from the later one.
local booked = redis.call('HGET', key, 'booked')
if booked then
  redis.call('HDEL', key, 'booked')
  if redis.call('LREM', P .. 'sends', 1, booked) == 1 then redis.call('LPUSH', P .. 'sends', ms(now)) end
end
if outcome == 'postponed' then
  note(P, lane, 'postponed', update.id, {why = ARGV[8], seconds = tonumber(ARGV[6]) / 1000})
  if ARGV[7] == '1' then redis.call('HINCRBY', key, 'attempts', 1) end
  local due, urgent = now + tonumber(ARGV[6]), false
  if ARGV[9] == '1' then
    while redis.call('LLEN', queue) > 1 do
      local older, newer = cjson.decode(redis.call('LPOP', queue)), cjson.decode(redis.call('LPOP', queue))
      merge(P, lane, older, newer)
      urgent = urgent or newer.class < older.class
      redis.call('LPUSH', queue, cjson.encode(newer))
      redis.call('HSET', key, 'attempts', 0)
    end
  end
  redis.call('ZADD', P .. 'delayed', ms(urgent and now or due), lane)
  return 'ok'
end
redis.call('LPOP', queue)
redis.call('HSET', key, 'attempts', 0)
if outcome == 'sent' then
  redis.call('HSET', key, 'acked', cjson.encode(update.body), 'acked_rank', update.rank,
             'acked_id', update.id, 'acked_at', ms(now))
  redis.call('HDEL', key, 'given_up')
  note(P, lane, 'sent', update.id, {status = tonumber(ARGV[10])})
  count(P, 'sent')
  answered(P)
else
  redis.call('HSET', key, 'last', '', 'given_up', cjson.encode(update.body))
  redis.call('HSET', P .. 'dead', update.id, cjson.encode({id = update.id, lane = lane, at = ms(update.at), body = update.body,
    rank = update.rank, class = update.class, why = ARGV[8], status = tonumber(ARGV[10]), buried = ms(now)}))
  redis.call('ZADD', P .. 'dead-at', ms(now), update.id)
  -- Nobody has looked for 30 days: nobody will, and what is kept has to have an end.
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', P .. 'dead-at', '-inf', ms(now - 2592000000), 'LIMIT', 0, 100)) do
    redis.call('HDEL', P .. 'dead', number)
    redis.call('ZREM', P .. 'dead-at', number)
    count(P, 'dead', -1)
    count(P, 'expired')
  end
  note(P, lane, 'buried', update.id, {why = ARGV[8]})
  count(P, 'dead')
end
local following = redis.call('LINDEX', queue, 0)
if following then
  make_ready(P, lane, cjson.decode(following))
  wake(1, 11)
else
  keep(P, lane, tonumber(redis.call('HGET', key, 'ttl') or '604800'))
end
return 'ok'
"""
)
"""What became of a send, by compare-and-set on its lease; the lane goes on."""

TOUCH = (
    LIBRARY
    + """
-- KEYS: flag, job, queue of RQ, set of queues. ARGV: P, lane, what (retry_now, drop), number or '', job id, fields.
local P, lane, what = ARGV[1], ARGV[2], ARGV[3]
local key, queue = P .. 'lane:' .. lane, P .. 'queue:' .. lane
if redis.call('EXISTS', key) == 0 then return -1 end
-- What is being sent is out of reach: taken away now, it could arrive after something newer.
local busy = (redis.call('HGET', key, 'owner') or '') ~= ''
             and tonumber(redis.call('ZSCORE', P .. 'delayed', lane) or '0') > clock()
local touched = 0
if what == 'drop' then
  for place, text in ipairs(redis.call('LRANGE', queue, 0, -1)) do
    local update = cjson.decode(text)
    if not (busy and place == 1) and (ARGV[4] == '' or tostring(update.id) == ARGV[4]) then
      redis.call('LREM', queue, 1, text)
      note(P, lane, 'dropped', update.id)
      count(P, 'dropped')
      redis.call('HSET', key, 'last', '', 'given_up', cjson.encode(update.body))
      touched = touched + 1
    end
  end
end
redis.call('HSET', key, 'attempts', 0)
if busy then return touched end
redis.call('HSET', key, 'owner', '')
redis.call('ZREM', P .. 'delayed', lane)
redis.call('ZREM', P .. 'ready', lane)
local head = redis.call('LINDEX', queue, 0)
if head then
  if redis.call('ZSCORE', P .. 'unlinked', lane) == false then make_ready(P, lane, cjson.decode(head)) end
  if what == 'retry_now' then touched = 1 end
  wake(1, 5)
else
  redis.call('ZREM', P .. 'unlinked', lane)
  keep(P, lane, tonumber(redis.call('HGET', key, 'ttl') or '604800'))
end
return touched
"""
)
"""A person's hand on a lane: send now, or take updates out."""

BURIED = (
    LIBRARY
    + """
-- KEYS: flag, job, queue of RQ, set of queues. ARGV: P, number, what (replay, drop), merging, job id, fields.
local P = ARGV[1]
local text = redis.call('HGET', P .. 'dead', ARGV[2])
if not text then return 'unknown' end
local letter = cjson.decode(text)
local key, queue = P .. 'lane:' .. letter.lane, P .. 'queue:' .. letter.lane
if ARGV[3] == 'replay' then
  local r = redis.call('HMGET', key, 'kind', 'acked_rank', 'acked_id', 'owner')
  if not r[1] then return 'forgotten' end
  -- An older status is never sent after a newer one was taken.
  if letter.id < tonumber(r[3] or '0') or letter.rank < tonumber(r[2] or '0') then return 'stale' end
  local tail = redis.call('LINDEX', queue, -1)
  if tail and cjson.decode(tail).id > letter.id then return 'superseded' end
  local update = {id = letter.id, at = tonumber(letter.at), since = tonumber(letter.at), rank = letter.rank,
                  class = letter.class, body = letter.body}
  put(P, letter.lane, update, ARGV[4] == '1', (r[4] or '') ~= '')
  wake(1, 5)
  note(P, letter.lane, 'replayed', letter.id)
else
  note(P, letter.lane, 'dropped', letter.id)
  count(P, 'dropped')
end
redis.call('HDEL', P .. 'dead', ARGV[2])
redis.call('ZREM', P .. 'dead-at', ARGV[2])
count(P, 'dead', -1)
return 'ok'
"""
)
"""A dead letter goes back to its lane, or away for good."""

LINK = """
local function link(P, lane, gett_id)
  if redis.call('EXISTS', P .. 'lane:' .. lane) == 0 then return false end
  redis.call('HSET', P .. 'lane:' .. lane, 'gett_id', gett_id)
  if redis.call('ZREM', P .. 'unlinked', lane) == 0 then return false end
  local head = redis.call('LINDEX', P .. 'queue:' .. lane, 0)
  if not head then return false end
  make_ready(P, lane, cjson.decode(head))
  return true
end
"""
"""An order's Gett id is known at last: what waited for it goes on its way. To be used after :data:`LIBRARY`."""

WAKE_IF_READY = (
    LIBRARY
    + """
-- KEYS: flag, job, queue of RQ, set of queues. ARGV: P, job id, fields.
local now = clock()
if redis.call('EXISTS', ARGV[1] .. 'ready') == 1
   or #redis.call('ZRANGEBYSCORE', ARGV[1] .. 'delayed', '-inf', ms(now), 'LIMIT', 0, 1) == 1 then
  wake(1, 2)
  return 1
end
return 0
"""
)
"""The sweep: something could be sent, and perhaps nobody knows."""
