"""Wake-ups: what is queued for the workers. With ``worker.py`` the only module that knows RQ.

The truth is in the lanes; a job only says "look". So at most one wake-up is queued at a time, however many updates are
appended: whoever appends queues one inside the same Lua script, unless the flag says that one is queued already, and the
worker clears the flag before it looks.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Any

import redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable, pack

__all__ = ["PUSH_JOB", "WorkerNotification", "push_queue", "sync_queue"]

PUSH_JOB = "webhook_kit.worker.push"
"""The job: drain what is due."""


def push_queue(connection: redis.Redis) -> Queue:
    """The queue of wake-ups; JSON on the wire, because unpickling is running code."""
    return Queue("webhook-kit-push", connection=connection, serializer=JSONSerializer)


def sync_queue(connection: redis.Redis) -> Queue:
    """The queue of everything that is not a push."""
    return Queue("webhook-kit-sync", connection=connection, serializer=JSONSerializer)


class WorkerNotification:
    """Hands the outbox's Lua scripts what they need to queue a wake-up, as RQ itself would write it."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._queue = push_queue(connection)
        self._flag = keys.notified
        job = Job.create(
            PUSH_JOB,
            connection=connection,
            serializer=JSONSerializer,
            origin=self._queue.name,
            status=JobStatus.QUEUED,
            timeout=60,
            result_ttl=0,
            failure_ttl=3600,
            description="drain the outbox",
        )
        job.enqueued_at = job.created_at
        # One argument instead of fifty: it is sent with every append and opened only when a job is queued.
        self._fields = pack([_bytes(part) for pair in job.to_dict().items() for part in pair])

    def script_parts(self) -> tuple[list[str], dict[str, Packable]]:
        """Return a script's last four ``KEYS`` and its argument ``notification`` (``storage/notify.lua``)."""
        job_id = os.urandom(12).hex()
        job_key = f"{Job.redis_job_namespace_prefix}{job_id}"
        return [self._flag, job_key, self._queue.key, Queue.redis_queues_keys], {"id": job_id, "fields": self._fields}


def _bytes(part: Any) -> bytes:
    return part if isinstance(part, bytes) else str(part.value if isinstance(part, Enum) else part).encode()
