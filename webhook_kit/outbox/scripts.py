"""Positional form of the library of lanes, as the scripts of :mod:`webhook_kit.placement` include it until they are files."""

from __future__ import annotations

__all__ = ["LIBRARY", "LINK"]

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
local function count(P, what, by) redis.call('HINCRBY', P .. 'update-counts', what, by or 1) end
local function make_ready(P, lane, head)
  redis.call('ZADD', P .. 'ready', ms(head.class * 10000000000000 + head.since), lane)
end
local function keep(P, lane, seconds)
  for _, kind in ipairs({'lane:', 'history:'}) do redis.call('EXPIRE', P .. kind .. lane, seconds) end
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
  local new = {id = redis.call('INCR', P .. 'last-update'), at = now, since = now, rank = u.rank, class = u.class, body = u.body}
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
