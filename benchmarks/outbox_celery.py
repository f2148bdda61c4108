"""The plain POST as a Celery task: ``celery -A benchmarks.outbox_celery worker``."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from benchmarks.outbox_updates import post

__all__ = ["app", "task"]

# Celery is in the extra `bench`, which is not installed for the type checker.
app: Any = import_module("celery").Celery("outbox", broker=os.environ["REDIS_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
task: Any = app.task(name="post")(post)
