"""The plain POST as a Dramatiq actor: ``dramatiq benchmarks.outbox_dramatiq``."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from benchmarks.outbox_updates import post

__all__ = ["actor"]

# Dramatiq is in the extra `bench`, which is not installed for the type checker.
_dramatiq: Any = import_module("dramatiq")
_dramatiq.set_broker(import_module("dramatiq.brokers.redis").RedisBroker(url=os.environ["REDIS_URL"]))
actor: Any = _dramatiq.actor(post)
