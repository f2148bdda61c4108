"""PostgreSQL and the workers are killed: no order waits for the archive, and everything arrives exactly once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.postgres_server import PostgresServer
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations import audit
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.archive.queue import ArchiveQueue
from webhook_kit.storage.clock import redis_time
from webhook_kit.testing.processes import Process, wait_until
from webhook_kit.testing.stack import Stack

ADA = Actor("ada", Role.OPERATOR, "cli")


class Installation:
    """An installation with an archive, as processes."""

    def __init__(self, stack: Stack, server: PostgresServer, url: str) -> None:
        self.stack = stack
        self.server = server
        self.url = url
        self.kit = stack.kit()
        self.queue = ArchiveQueue(self.kit)
        self.refs: set[str] = set()

    def order(self) -> None:
        """Place an order, and let Gett take its end."""
        key = f"k{len(self.refs)}"
        order = {
            "cart": {"lineItems": [{"itemId": "cola"}]},
            "fulfillmentType": "Pickup",
            "amounts": {"total": 2.75},
        }
        placed = self.stack.gett.place(order, key=key)
        assert placed.status == 200, placed.body
        ref = placed.body["gettOrderId"]
        self.kit.order_updates.complete(ref)
        audit.record(self.kit, ADA, "complete_order", ref, "test")
        self.refs.add(ref)

    def sent(self) -> set[str]:
        """Return the orders of which Gett has got the end."""
        log = self.stack.gett.update_log
        return {ref for ref in self.refs if any(one.body.get("state") == "completed" for one in log.updates(ref))}

    def archived(self) -> set[str]:
        rows = self.server.execute("SELECT order_ref FROM webhook_kit.orders WHERE taken = 'completed'", self.url)
        assert len(rows) == len(set(rows))
        return {ref for (ref,) in rows}

    def await_archived(self) -> None:
        wait_until(lambda: self.archived() == self.refs, message="all orders to be in the archive", interval=0.2)

    def await_waiting_writer(self) -> None:
        """Wait until the writer waits in the middle of a transaction."""
        question = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'webhook-kit' AND wait_event_type = 'Lock'"
        wait_until(lambda: self.server.execute(question), message="the writer to wait", interval=0.1)

    @contextmanager
    def batch_begun(self) -> Iterator[None]:
        """Place three orders, and let the writer wait for a lock with their updates: the orders themselves are written."""
        with closing(psycopg.connect(self.url)) as blocker:
            blocker.execute("LOCK TABLE webhook_kit.updates IN ACCESS EXCLUSIVE MODE")
            for _ in range(3):
                self.order()
            self.await_waiting_writer()
            yield

    def await_sign_of_life(self) -> None:
        """Wait until the sync worker has done other work since now."""
        began = redis_time(self.kit.redis)

        def signed() -> bool:
            sign = self.kit.worker_life.last_signs()[WorkerKind.SYNC]
            return sign.age is not None and redis_time(self.kit.redis) - sign.age > began

        wait_until(signed, message="a sign of life of the sync worker", interval=0.2)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with PostgresServer() as server:
        url = server.create_database()
        env = {"ARCHIVE_URL": url, "GETT_WRITES_PER_MINUTE": "0", "REDIS_TIMEOUT": "30", "POS_DEADLINE": "20"}
        with Stack("bogus", options={"file": str(tmp_path / "pos.sqlite")}, env=env) as stack:
            migrated = stack.cli("archive", "migrate")
            assert migrated.returncode == 0, migrated.output()
            yield Installation(stack, server, url)


def test_killed_servers_and_workers_lose_nothing_and_delay_no_order(installation: Installation) -> None:
    stack, server = installation.stack, installation.server
    for _ in range(3):
        installation.order()
    installation.await_archived()

    # The server is killed in mid-batch.
    with installation.batch_begun():
        server.kill()

    # It is away: orders and updates go on, and the queue says so.
    wait_until(lambda: installation.queue.state().failing_since, message="the failure to be recorded")
    for _ in range(3):
        installation.order()
    wait_until(lambda: installation.sent() == installation.refs, message="Gett to get every end")
    wait_until(lambda: installation.queue.state().waiting == 6, message="the orders to be queued")

    # The worker is killed in mid-batch, and two others go on at once.
    server.start()
    installation.await_archived()
    with installation.batch_begun():
        installation.await_sign_of_life()
        installation.await_waiting_writer()
        stack.worker.kill()
    with Process([sys.executable, "-m", "webhook_kit.cli", "worker", "sync"], env=stack.env):
        stack.worker.start()
        installation.order()
        installation.await_archived()
        people = "SELECT count(*), count(DISTINCT subject) FROM webhook_kit.audit WHERE why = 'test'"
        number = len(installation.refs)
        wait_until(lambda: server.execute(people, installation.url) == [(number, number)], message="the audit log")
    ends = "SELECT order_ref FROM webhook_kit.updates WHERE step = 'completed' AND outcome = 'sent'"
    assert sorted(ref for (ref,) in server.execute(ends, installation.url)) == sorted(installation.refs)

    # An order that Redis does not keep any more is found in the archive.
    ref = min(installation.refs)
    kit = installation.kit
    shown = json.loads(stack.cli("order", "show", ref, "--json").output())
    kit.redis.delete(kit.keys.archive(ref))
    for key in kit.redis.scan_iter(f"{kit.keys.pos_order('*', '*')}"):
        if kit.redis.get(key) == ref.encode():
            kit.redis.delete(key)
    old = json.loads(stack.cli("order", "show", shown["partnerOrderId"], "--json").output())
    assert old.pop("archived")
    assert old == shown
    assert stack.cli("archive", "status").returncode == 0
