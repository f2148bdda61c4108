"""The RQ worker: runs the wake-ups, and sweeps for what no wake-up told of.

A wake-up can die with a worker, and RQ needs minutes to notice; so a thread of each worker looks every second whether
something is due that nobody sends, and every few seconds whether an order in doubt has turned up at its POS.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from webhook_kit.connection import connect
from webhook_kit.errors import WebhookKitError
from webhook_kit.jobs import push_queue
from webhook_kit.kit import Kit
from webhook_kit.logs import logger

__all__ = ["push", "run", "sweep_orders"]

log = logger("worker")

_SLICE = 8.0
"""Seconds a job drains at most: short enough for a platform's grace period."""

_SWEEP_LANES = 1.0
_SWEEP_ORDERS = 5.0
_LOOK_AGAIN = 30.0

_kits: list[Kit] = []


def push() -> int:
    """The job: send what is due. What is left after the slice wakes the next one."""
    kit = _kits[-1]
    sent = kit.pusher.drain(_SLICE)
    kit.lanes.wake_if_due()
    return sent


def run(kit: Kit, *, burst: bool = False) -> None:
    """Work until told to stop (SIGTERM finishes the job at hand).

    :param burst: stop when nothing is queued.
    :raises ConfigurationError: when there is no API key.
    """
    kit.client  # noqa: B018 - a missing key is found before the first update is
    _kits.append(kit)
    connection = connect(kit.settings)
    worker = SimpleWorker([push_queue(connection)], connection=connection, serializer=JSONSerializer)
    worker.log_result_lifespan = False
    stop = threading.Event()
    _every(_SWEEP_LANES, kit.lanes.wake_if_due, stop)
    _every(_SWEEP_ORDERS, lambda: sweep_orders(kit), stop)
    log.info("working", queue=worker.queues[0].name)
    try:
        worker.work(burst=burst, logging_level="WARNING")
    finally:
        stop.set()
        _kits.remove(kit)


def sweep_orders(kit: Kit) -> None:
    """Look up the orders whose POS call died or is in doubt; settle those that the POS has. Never places."""
    for ref in kit.ledger.lapsed():
        try:
            settled = kit.placement.look_up(ref)
        except redis.RedisError:
            raise
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the order waits
            log.warning("order in doubt not looked up", order=ref, error=repr(error))
            settled = False
        if settled:
            log.info("order in doubt found at the pos", order=ref)
        else:
            kit.ledger.look_again_in(ref, _LOOK_AGAIN)


def _every(seconds: float, task: Callable[[], object], stop: threading.Event) -> None:
    def loop() -> None:
        while not stop.wait(seconds):
            try:
                task()
            except (redis.RedisError, WebhookKitError) as error:
                log.warning("sweep failed, will try again", error=type(error).__name__)

    threading.Thread(target=loop, name="sweep", daemon=True).start()
