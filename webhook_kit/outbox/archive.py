"""Archive: an order at rest takes one compressed value instead of a record, a lane and a history.

An order is at rest when its placement is final and nothing of it waits to be sent. It is archived when its last update was
acknowledged, or after :data:`REST` seconds. Nothing of it is lost: what reads orders reads archived ones too, and what changes an
order restores it first (:class:`OrderScript`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from webhook_kit.errors import WebhookKitError
from webhook_kit.logs import logger
from webhook_kit.outbox.compression import compress, decompress, decompress_first_form
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage import formats
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import NewerFormat, is_newer, newer_format
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.scripts import Script

__all__ = ["REST", "ArchivedOrder", "OrderArchive", "OrderScript", "decode"]

log = logger("archive")

REST = 1800.0
"""Seconds after which an order at rest is archived that is not completed or cancelled: longer than between most updates."""

_VERSION = str(formats.ARCHIVE).encode()


@dataclass(frozen=True, slots=True)
class ArchivedOrder:
    """Content of an archived order.

    :ivar record: fields of its placement record.
    :ivar lane: fields of its lane; empty if it has none.
    :ivar history: events of its updates as JSON, oldest first.
    """

    record: dict[str, str]
    lane: dict[str, str]
    history: list[str]


class OrderArchive:
    """The archived orders of this installation."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys
        self._resting = Script(connection, keys, "webhook_kit.outbox/resting")
        self._archive = Script(connection, keys, "webhook_kit.outbox/archive")
        self._restore = Script(connection, keys, "webhook_kit.outbox/restore")

    def archive(self, ref: str, document: bytes, *, changed: bool = True) -> bool:
        """Archive an order, unless it has changed since a script returned this document of it.

        :param changed: False if nothing has changed that the long-term archive keeps (:mod:`webhook_kit.operations.archive`).
        """
        archived = self._archive(
            self._keys.archive(ref),
            self._keys.resting,
            ref=ref,
            lane=_lane(ref),
            digest=hashlib.sha1(document, usedforsecurity=False).hexdigest(),
            version=_VERSION,
            compressed=compress(document, ref),
            changed=changed,
        )
        return bool(archived)

    def archive_resting(self, seconds: float = REST) -> int:
        """Archive the orders that are at rest for so many seconds.

        :return: the number of archived orders.
        """
        latest = (redis_time(self._redis) - seconds) * 1000
        refs = map(text, self._redis.zrangebyscore(self._keys.resting, "-inf", latest))
        return sum(self.archive_now(ref) for ref in refs)

    def archive_now(self, ref: str, *, changed: bool = True) -> bool:
        """Archive an order if it is at rest.

        :param changed: as for :meth:`archive`.
        """
        try:
            document = self._resting(self._keys.resting, ref=ref, lane=_lane(ref))
            return document is not None and self.archive(ref, document, changed=changed)
        except NewerFormat:
            return False  # a worker of that version archives it

    def restore(self, ref: str) -> None:
        """Restore an order. Nothing happens when it is not archived any more.

        :raises WebhookKitError: its archive is damaged.
        :raises NewerFormat: it was archived by a later version.
        """
        key = self._keys.archive(ref)
        archive: Any = self._redis.get(key)
        if archive is None:
            return
        if newer := _newer_version(archive):
            raise newer_format(f"order {ref}", newer)
        try:
            document = _document(ref, archive)
        except ValueError as error:
            raise WebhookKitError(f"order {ref} cannot be restored from its archive: {error}") from error
        self._restore(key, self._keys.resting, ref=ref, lane=_lane(ref), archive=archive, document=document)

    # -- reading -------------------------------------------------------------------------------------------------------

    def record(self, ref: str) -> dict[str, str]:
        """Return the fields of an order's placement record; empty when there is none.

        :raises NewerFormat: it was written by a later version.
        """
        (fields,), archived = self.read(ref, lambda live: live.hgetall(self._keys.order(ref)))
        record = archived.record if archived else _as_text(fields)
        if is_newer(record.get("format")):
            raise newer_format(f"order {ref}", record["format"])
        return record

    def lane(self, ref: str) -> dict[str, str]:
        """Return the fields of an order's lane; empty when there is none."""
        (fields,), archived = self.read(ref, lambda live: live.hgetall(self._keys.lane(_lane(ref))))
        return archived.lane if archived else _as_text(fields)

    def history(self, ref: str) -> list[dict[str, Any]]:
        """Return the events of an order's updates, oldest first."""
        (events,), archived = self.read(ref, lambda live: live.lrange(self._keys.history(_lane(ref)), 0, -1))
        return [json.loads(event) for event in (archived.history if archived else events)]

    def read(
        self, ref: str, queue_commands: Callable[[redis.client.Pipeline], object]
    ) -> tuple[list[Any], ArchivedOrder | None]:
        """Read an order where it is: return the replies to these commands, and the order if it is archived."""
        with self._redis.pipeline() as transaction:  # an order that is archived meanwhile is in one of both places
            queue_commands(transaction)
            transaction.get(self._keys.archive(ref))
            *replies, archive = transaction.execute()
        return replies, None if archive is None else decode(ref, archive)


class OrderScript:
    """A script that works on an order, and that is told by the script when the order has to be restored first."""

    def __init__(self, connection: redis.Redis, keys: Keys, name: str) -> None:
        self._script = Script(connection, keys, name)
        self._archive = OrderArchive(connection, keys)

    def __call__(self, key: str, /, *more_keys: str, **arguments: Packable) -> Any:
        """Run the script as :class:`~webhook_kit.storage.scripts.Script` does."""
        while True:
            reply = self._script(key, *more_keys, **arguments)
            if not (isinstance(reply, list) and reply and reply[0] == b"archived"):
                return reply
            self._archive.restore(text(reply[1]))


def decode(ref: str, archive: bytes) -> ArchivedOrder:
    """Return the content of an archived order. If it is damaged or newer, its state says so, and nothing else is known."""
    if newer := _newer_version(archive):
        newer_format(f"order {ref}", newer)
        return ArchivedOrder({"ref": ref, "state": "newer", "format": newer}, {}, [])
    try:
        record, lane, history = json.loads(_document(ref, archive).decode(errors="replace"))
        return ArchivedOrder(_pairs(record), _pairs(lane), list(history))
    except (ValueError, TypeError, RecursionError) as error:
        log.error("archive_damaged", order=ref, why=str(error))  # noqa: TRY400 - the traceback adds nothing
        return ArchivedOrder({"ref": ref, "state": "damaged"}, {}, [])


def _newer_version(archive: bytes) -> str:
    """Return the version of an archive in a later form; the empty text if it is known, or damaged."""
    version = archive.partition(b" ")[0]
    return text(version) if version.isdigit() and is_newer(version, formats.ARCHIVE) else ""


def _document(ref: str, archive: bytes) -> bytes:
    version, _, rest = archive.partition(b" ")
    if not version.isdigit():
        raise ValueError("it does not begin with the version of its form")
    compressed = rest.partition(b" ")[2]
    return decompress_first_form(compressed) if version == b"1" else decompress(compressed, ref)


def _pairs(items: list[str]) -> dict[str, str]:
    """Return a list of names and values as a dict. Lua writes an empty list as an object."""
    return dict(zip(items[::2], items[1::2], strict=True)) if items else {}


def _as_text(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {text(field): text(value) for field, value in fields.items()}


def _lane(ref: str) -> str:
    return f"{Kind.ORDER}:{ref}"
