"""Job queues of the workers. Besides ``worker.py`` the only module that uses RQ.

A job carries no data about updates: the lanes do. So at most one job that drains the outbox is queued at a time, however many
updates are appended. A script that appends queues the job in its own transaction, unless a flag says that one is queued; the
worker clears the flag before it reads the lanes.
"""

from __future__ import annotations

import hashlib
import os
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import redis

from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable, pack

if TYPE_CHECKING:
    from rq import Queue

__all__ = [
    "ONBOARD_JOB",
    "PUBLISH_CATALOG_JOB",
    "PUSH_JOB",
    "PUSH_QUEUE",
    "RECONCILE_JOB",
    "SYNC_CATALOG_JOB",
    "SYNC_QUEUE",
    "WorkerNotification",
    "enqueue_sync",
    "push_queue",
    "sync_queue",
]

PUSH_QUEUE = "webhook-kit-push"
SYNC_QUEUE = "webhook-kit-sync"

PUSH_JOB = "webhook_kit.worker.push"
"""The job that drains the outbox."""

RECONCILE_JOB = "webhook_kit.worker.reconcile"
ONBOARD_JOB = "webhook_kit.worker.onboard"
SYNC_CATALOG_JOB = "webhook_kit.worker.sync_catalog"
PUBLISH_CATALOG_JOB = "webhook_kit.worker.publish_catalog"
"""Jobs of the sync worker, each for one store. The names are in Redis: a new version of the kit has to know them."""

_LOST_AFTER = 900
"""Seconds after which a waiting job counts as lost, so that the next one of its kind is queued."""


def push_queue(connection: redis.Redis) -> Queue:
    """Return the queue of the push worker. Jobs are JSON, because unpickling a job can run any code."""
    return _queue(PUSH_QUEUE, connection)


def sync_queue(connection: redis.Redis) -> Queue:
    """Return the queue of the sync worker."""
    return _queue(SYNC_QUEUE, connection)


def _queue(name: str, connection: redis.Redis) -> Queue:
    from rq import Queue  # imported late, because most commands queue nothing
    from rq.serializers import JSONSerializer

    return Queue(name, connection=connection, serializer=JSONSerializer)


def enqueue_sync(connection: redis.Redis, job: str, store_id: str, *, first: bool = False) -> None:
    """Queue a job of the sync worker for a store, unless such a job waits already.

    :param job: dotted name of a function that takes the store's id.
    :param first: put it before the jobs that wait.
    """
    from rq.job import Job

    # A store's job of a kind has one id: queued twice, it is executed once, because its key is deleted when it begins.
    job_id = f"{job.rpartition('.')[2]}-{hashlib.sha256(store_id.encode()).hexdigest()[:32]}"
    if first or not connection.exists(Job.key_for(job_id)):
        sync_queue(connection).enqueue(job, store_id, job_id=job_id, at_front=first, ttl=_LOST_AFTER, result_ttl=0)


class WorkerNotification:
    """Notification of the push worker, queued by a Lua script: a job as RQ itself would write it."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._connection = connection
        self._flag = keys.notified

    @cached_property
    def _fields(self) -> bytes:
        """Fields of a job, packed once: they go with every append and are unpacked only when a job is queued."""
        from rq.job import Job, JobStatus
        from rq.serializers import JSONSerializer

        job = Job.create(
            PUSH_JOB,
            connection=self._connection,
            serializer=JSONSerializer,
            origin=PUSH_QUEUE,
            status=JobStatus.QUEUED,
            timeout=60,
            result_ttl=0,
            failure_ttl=3600,
            description="drain the outbox",
        )
        job.enqueued_at = job.created_at
        return pack([_to_bytes(part) for pair in job.to_dict().items() for part in pair])

    def script_parts(self) -> tuple[list[str], dict[str, Packable]]:
        """Return a script's last four ``KEYS`` and its argument ``notification`` (``storage/notify.lua``)."""
        job_id = os.urandom(12).hex()
        job_prefix, queue, queues = self._rq_keys
        return [self._flag, f"{job_prefix}{job_id}", queue, queues], {"id": job_id, "fields": self._fields}

    @cached_property
    def _rq_keys(self) -> tuple[str, str, str]:
        """Prefix of a job's key, key of the queue, and key of the set of queues."""
        from rq.job import Job

        queue = push_queue(self._connection)
        return Job.redis_job_namespace_prefix, queue.key, queue.redis_queues_keys


def _to_bytes(part: Any) -> bytes:
    return part if isinstance(part, bytes) else str(part.value if isinstance(part, Enum) else part).encode()
