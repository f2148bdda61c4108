"""The same POST as a Dramatiq actor: ``dramatiq benchmarks.outbox_dramatiq``."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from benchmarks.outbox_work import post

__all__ = ["actor"]

# In the extra `bench`, which the type checker does without.
_dramatiq: Any = import_module("dramatiq")
_dramatiq.set_broker(import_module("dramatiq.brokers.redis").RedisBroker(url=os.environ["REDIS_URL"]))
actor: Any = _dramatiq.actor(post)
