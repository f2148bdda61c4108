"""Lanes: one per order, the updates that Gett has not acknowledged yet, oldest first.

Invariants

* A lane with something to send is in ``waiting``, with the moment (ms, Redis TIME) at which its head is due.
* Whoever leases a lane moves that moment past the lease: a sender that dies gives the lane back by itself.
* Only the holder of the lease may acknowledge, postpone or bury the head.
* An order whose Gett id is unknown keeps its lane out of ``waiting`` until it is linked.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Protocol

import redis

from webhook_kit.keys import Keys

__all__ = ["APPEND", "Lanes", "Leased", "Waker"]

APPEND = """
local function wake(key, arg)
  -- KEYS[key..key+3]: flag, job, queue, set of queues; ARGV[arg], [arg+1]: job id, the job's fields in hex
  if redis.call('SET', KEYS[key], ARGV[arg], 'NX', 'EX', 15) then
    local fields = {}
    for part in string.gmatch(ARGV[arg + 1], '%S+') do
      fields[#fields + 1] = part == '-' and '' or
        string.gsub(part, '%x%x', function(hex) return string.char(tonumber(hex, 16)) end)
    end
    redis.call('HSET', KEYS[key + 1], unpack(fields))
    redis.call('SADD', KEYS[key + 3], KEYS[key + 2])
    redis.call('RPUSH', KEYS[key + 2], ARGV[arg])
  end
end
local function append(lane, waiting, ref, update, linked, now)
  redis.call('RPUSH', lane, update)
  if linked then redis.call('ZADD', waiting, 'NX', now, ref) end
end
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
"""
"""Lua shared by every script that appends to a lane and wakes a worker, so that both are one transaction."""

_LEASE = (
    APPEND
    + """
-- KEYS: waiting. ARGV: lease ms, owner, prefixes of lane, lease and order keys.
local now = clock()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)
if #due == 0 then return nil end
local ref = due[1]
local head = redis.call('LINDEX', ARGV[3] .. ref, 0)
if not head then
  redis.call('ZREM', KEYS[1], ref)
  return {ref}
end
local order = redis.call('HMGET', ARGV[5] .. ref, 'gett_id', 'store')
if not order[1] or order[1] == '' then
  redis.call('ZREM', KEYS[1], ref)
  return {ref}
end
redis.call('ZADD', KEYS[1], now + ARGV[1], ref)
redis.call('HSET', ARGV[4] .. ref, 'owner', ARGV[2])
redis.call('PEXPIRE', ARGV[4] .. ref, 86400000)
return {ref, head, order[1], order[2] or '', redis.call('HGET', ARGV[4] .. ref, 'attempts') or '0'}
"""
)

_SETTLE = (
    APPEND
    + """
-- KEYS: waiting, lane, lease, dead letters. ARGV: ref, owner, what, delay ms, dead letter.
if redis.call('HGET', KEYS[3], 'owner') ~= ARGV[2] then return 0 end
if ARGV[3] == 'postpone' then
  redis.call('HINCRBY', KEYS[3], 'attempts', 1)
  redis.call('HDEL', KEYS[3], 'owner')
  redis.call('ZADD', KEYS[1], clock() + ARGV[4], ARGV[1])
  return 1
end
if ARGV[3] == 'bury' then
  redis.call('LPUSH', KEYS[4], ARGV[5])
  redis.call('LTRIM', KEYS[4], 0, 9999)
end
redis.call('LPOP', KEYS[2])
redis.call('DEL', KEYS[3])
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1])
else redis.call('ZADD', KEYS[1], clock(), ARGV[1]) end
return 1
"""
)

_WAKE_IF_DUE = (
    APPEND
    + """
-- KEYS: waiting, flag, job, queue, set of queues. ARGV: job id, fields.
if #redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', clock(), 'LIMIT', 0, 1) == 1 then wake(2, 1) end
"""
)


class Waker(Protocol):
    """What the outbox is handed to wake a worker with (:class:`webhook_kit.jobs.WakeUp`)."""

    def arguments(self) -> tuple[list[str], list[Any]]:
        """KEYS and ARGV of the scripts' ``wake``."""
        ...


@dataclass(frozen=True, slots=True)
class Leased:
    """The head of a lane, leased to one sender.

    :ivar attempts: how often sending it has failed.
    """

    ref: str
    gett_order_id: str
    store_id: str
    update: dict[str, Any]
    attempts: int
    owner: str


class Lanes:
    """All lanes of this installation."""

    def __init__(self, connection: redis.Redis, keys: Keys, waker: Waker) -> None:
        self._redis = connection
        self._keys = keys
        self._waker = waker
        self._lease = connection.register_script(_LEASE)
        self._settle = connection.register_script(_SETTLE)
        self._wake_if_due = connection.register_script(_WAKE_IF_DUE)

    def lease(self, milliseconds: int) -> Leased | None:
        """Lease the lane that has been due for longest, or None when nothing is due."""
        owner = os.urandom(8).hex()
        prefixes = [self._keys.lane(""), self._keys.lane_lease(""), self._keys.order("")]
        while (found := self._lease(keys=[self._keys.waiting], args=[milliseconds, owner, *prefixes])) is not None:
            if len(found) > 1:  # otherwise the lane had nothing to send, or nobody to send it to yet
                ref, head, gett_id, store_id, attempts = (part.decode() for part in found)
                return Leased(ref, gett_id, store_id, json.loads(head), int(attempts), owner)
        return None

    def acknowledge(self, leased: Leased) -> None:
        """Gett has the update."""
        self._finish(leased, "acknowledge")

    def postpone(self, leased: Leased, seconds: float) -> None:
        """Try again after so many seconds."""
        self._finish(leased, "postpone", delay=int(seconds * 1000))

    def bury(self, leased: Leased, why: str) -> None:
        """Gett will never take it: to the dead letters, and on with the lane."""
        letter = {"ref": leased.ref, "gettOrderId": leased.gett_order_id, "update": leased.update, "why": why}
        self._finish(leased, "bury", letter=json.dumps(letter))

    def wake_if_due(self) -> None:
        """Queue a wake-up when something is due: for updates whose wake-up died with a worker."""
        keys, args = self._waker.arguments()
        self._wake_if_due(keys=[self._keys.waiting, *keys], args=args)

    def woken(self) -> None:
        """A wake-up has begun: from here on an append queues the next one."""
        self._redis.delete(self._keys.wake)

    def _finish(self, leased: Leased, what: str, *, delay: int = 0, letter: str = "") -> None:
        ref = leased.ref
        keys = [self._keys.waiting, self._keys.lane(ref), self._keys.lane_lease(ref), self._keys.dead_letters]
        self._settle(keys=keys, args=[ref, leased.owner, what, delay, letter])
