"""A kit with a long-term archive: orders as Gett and the POS make them, rounds of the writer, and SQL."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from tests.webhooks.webhook_client import WebhookClient, line, order
from webhook_kit.kit import Kit
from webhook_kit.operations.archive import open_archive
from webhook_kit.operations.archive.queue import ArchiveQueue
from webhook_kit.operations.archive.writer import ArchiveWriter
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind

NAME, EMAIL, PHONE, STREET = "Zebedee", "zebedee@example.org", "+15550142", "12 Marmalade Lane"
CONTACT = (NAME, EMAIL, PHONE, STREET)


class ArchiveEnv:
    def __init__(self, kit: Kit, *, migrate: bool = True, statement_seconds: float | None = None) -> None:
        self.kit = kit
        self.client = WebhookClient(kit)
        self.database = open_archive(kit.settings)
        if statement_seconds is not None:
            self.database._milliseconds = int(statement_seconds * 1000)
        if migrate:
            self.database.migrate()
        self.queue = ArchiveQueue(kit)
        self.queue.begin()
        self.writer = ArchiveWriter(kit, self.database)

    def place(self, **members: Any) -> str:
        """Place an order with contact data everywhere; return its orderRef."""
        body = order(
            {**line(quantity=2), "note": f"for {NAME}"},
            customer={"firstName": NAME, "email": EMAIL, "phone": PHONE},
            deliveryInfo={"type": "x", "address": {"address1": STREET}, "instructions": f"ask {NAME}"},
            **members,
        )
        answer = self.client.place(self.client.validated(body), str(uuid4()))
        assert answer.status_code == 200, answer.text
        return str(answer.json["gettOrderId"])

    def refuse(self) -> str:
        """Place an order that is refused; return its orderRef."""
        ref = str(uuid4())
        body = {**order(line("no such item")), "gettOrderId": ref, "payment": {"type": "gettPayment"}}
        answer = self.client.place(body, str(uuid4()))
        assert answer.status_code == 400, answer.text
        return ref

    def complete(self, ref: str) -> None:
        """Let the POS report progress and end of an order, and Gett take each update."""
        self.kit.order_updates.progress(ref, "ready")
        self.deliver(ref)
        self.kit.order_updates.complete(ref)
        self.deliver(ref)

    def cancel(self, ref: str, reason: str) -> None:
        self.kit.order_updates.cancel(ref, reason)
        self.deliver(ref)

    def deliver(self, ref: str, status: int = 200) -> None:
        """Let Gett take the next update of an order."""
        lane = lane_name(Kind.ORDER, ref)
        [lease] = [lease for lease in self.kit.lanes.lease(100, 60_000).leases if lease.lane == lane]
        self.kit.lanes.acknowledge(lease, status)

    def rest(self) -> None:
        """Let everything come to rest that waits for nothing."""
        self.kit.order_archive.archive_resting(-1)

    def ended(self) -> str:
        """Return a completed order."""
        ref = self.place()
        self.complete(ref)
        return ref

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        settings = self.kit.settings
        assert settings.archive_url is not None
        url = settings.archive_url.get_secret_value().replace("+psycopg", "")
        with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def orders(self) -> dict[str, dict[str, Any]]:
        return {row["order_ref"]: row for row in self.rows("SELECT * FROM webhook_kit.orders")}
