"""Jobs that replay or discard all dead letters which meet conditions, done by a sync worker in slices."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.operations.actor import Actor
from webhook_kit.operations.dead_letters import DeadLetterFilter, count, matches, period
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.locks import RedisLock
from webhook_kit.texts import well_formed

__all__ = ["DeadLetterAction", "DeadLetterJob", "JobState", "find_job", "list_jobs", "start_job", "stop_job", "work"]

log = logger("dead_letter_jobs")

_KEEP = 30 * 86_400
"""Seconds for which a job is kept."""

_MAX_WHY = 500
_LISTED = 100
_SLICE = 100
"""Dead letters between two looks at the state of a job."""

_SECONDS = 2.0
"""Seconds that one run works at most."""

_LOCK_SECONDS = 20.0
_UNREADABLE = (ValueError, TypeError, KeyError)
"""Errors of a job that another version has written."""


class DeadLetterAction(StrEnum):
    """Action on a dead letter."""

    REPLAY = "replay"
    DISCARD = "discard"


class JobState(StrEnum):
    """State of a job."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """A person has stopped it."""


@dataclass(frozen=True, slots=True)
class DeadLetterJob:
    """A job.

    :ivar who: name of the person who started it.
    :ivar total: number of dead letters when it was started; at least as many if ``total_complete`` is False.
    :ivar done: number of dead letters that were replayed or discarded.
    :ivar failed: number of dead letters that could not be, such as those that a newer update superseded. They stay.
    """

    id: str
    action: DeadLetterAction
    condition: DeadLetterFilter
    who: str
    via: str
    why: str
    state: JobState
    created: datetime
    total: int
    total_complete: bool
    done: int
    failed: int


def start_job(kit: Kit, actor: Actor, action: DeadLetterAction, condition: DeadLetterFilter, why: str) -> DeadLetterJob:
    """Start a job. Dead letters of later than now are not its own."""
    total, now, job_id = count(kit, condition), redis_time(kit.redis), os.urandom(8).hex()
    fields: dict[str, str | float] = {
        "action": action.value,
        "condition": json.dumps(asdict(condition)),
        "who": actor.name,
        "via": actor.via,
        "why": well_formed(why)[:_MAX_WHY],
        "state": JobState.RUNNING.value,
        "created": now,
        "total": total.number,
        "total_complete": int(total.complete),
    }
    with kit.redis.pipeline() as pipeline:
        pipeline.hset(kit.keys.dead_letter_job(job_id), mapping=fields)  # type: ignore[arg-type]
        pipeline.expire(kit.keys.dead_letter_job(job_id), _KEEP)
        pipeline.zadd(kit.keys.dead_letter_jobs, {job_id: now})
        pipeline.zremrangebyrank(kit.keys.dead_letter_jobs, 0, -_LISTED - 1)
        pipeline.sadd(kit.keys.dead_letter_jobs_running, job_id)
        pipeline.execute()
    return find_job(kit, job_id)


def find_job(kit: Kit, job_id: str) -> DeadLetterJob:
    """Return a job.

    :raises NotFound: there is no such job.
    """
    fields = kit.redis.hgetall(kit.keys.dead_letter_job(job_id))
    if b"created" not in fields:
        raise NotFound(f"there is no job {job_id[:40]}")
    return _job(job_id, {text(name): text(value) for name, value in fields.items()})


def list_jobs(kit: Kit) -> list[DeadLetterJob]:
    """Return the newest jobs, newest first."""
    ids = [text(job_id) for job_id in kit.redis.zrevrange(kit.keys.dead_letter_jobs, 0, _LISTED - 1)]
    with kit.redis.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hgetall(kit.keys.dead_letter_job(job_id))
        replies = pipeline.execute()
    jobs: list[DeadLetterJob] = []
    for job_id, fields in zip(ids, replies, strict=True):
        with suppress(*_UNREADABLE):  # it has expired, or it is of another version
            jobs.append(_job(job_id, {text(name): text(value) for name, value in fields.items()}))
    return jobs


def stop_job(kit: Kit, job_id: str) -> DeadLetterJob:
    """Stop a job after its present slice. A job that has ended stays as it is.

    :raises NotFound: there is no such job.
    """
    if find_job(kit, job_id).state is JobState.RUNNING:
        _end(kit, job_id, JobState.STOPPED)
    return find_job(kit, job_id)


def work(kit: Kit) -> None:
    """Go on with the jobs for a moment. Whatever a worker that died has done is not done again."""
    for job_id in map(text, kit.redis.smembers(kit.keys.dead_letter_jobs_running)):
        lock = RedisLock(kit.redis, kit.keys, kit.keys.dead_letter_job_lock(job_id), seconds=_LOCK_SECONDS)
        if not lock.acquire():
            continue
        try:
            _work_on(kit, job_id, lock)
        except _UNREADABLE:
            log.exception("dead_letter_job_stopped", job=job_id)
            _end(kit, job_id, JobState.STOPPED)
        finally:
            lock.release()


def _work_on(kit: Kit, job_id: str, lock: RedisLock) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and lock.extend():
        try:
            job = find_job(kit, job_id)
        except NotFound:  # it has expired
            kit.redis.srem(kit.keys.dead_letter_jobs_running, job_id)
            return
        if job.state is not JobState.RUNNING:
            kit.redis.srem(kit.keys.dead_letter_jobs_running, job_id)
            return
        if not _work_slice(kit, job):
            _end(kit, job_id, JobState.DONE)
            log.info("dead_letter_job_done", job=job_id)
            return


def _work_slice(kit: Kit, job: DeadLetterJob) -> bool:
    """Do the next dead letters of a job. Return False if there are none."""
    key, act = kit.keys.dead_letter_job(job.id), job.action
    place = text(kit.redis.hget(key, "place")) or None
    oldest, latest = period(job.condition, job.created.timestamp())
    letters, more = kit.dead_letters.page(place, _SLICE, oldest=oldest, latest=latest, newest_first=False)
    for _, letter in letters:
        if matches(job.condition, letter):
            run = kit.dead_letters.replay if act is DeadLetterAction.REPLAY else kit.dead_letters.discard
            run(letter.number, who=job.who, job=job.id)
    if more is not None:
        kit.redis.hset(key, "place", more)
    return more is not None


def _end(kit: Kit, job_id: str, state: JobState) -> None:
    with kit.redis.pipeline() as pipeline:
        pipeline.hset(kit.keys.dead_letter_job(job_id), "state", state.value)
        pipeline.srem(kit.keys.dead_letter_jobs_running, job_id)
        pipeline.execute()


def _job(job_id: str, fields: Mapping[str, str]) -> DeadLetterJob:
    condition: dict[str, Any] = json.loads(fields["condition"])
    return DeadLetterJob(
        id=job_id,
        action=DeadLetterAction(fields["action"]),
        condition=DeadLetterFilter(**condition),
        who=fields["who"],
        via=fields["via"],
        why=fields["why"],
        state=JobState(fields["state"]),
        created=datetime.fromtimestamp(float(fields["created"]), UTC),
        total=int(fields["total"]),
        total_complete=fields["total_complete"] == "1",
        done=int(fields.get("done", 0)),
        failed=int(fields.get("failed", 0)),
    )
