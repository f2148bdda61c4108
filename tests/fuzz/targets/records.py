"""Records in Redis, as damage or another version may have left them, and the arguments of scripts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import Surroundings
from webhook_kit.errors import ConfigurationError
from webhook_kit.operations.orders import _accepted, _items_of_record, _step
from webhook_kit.outbox.archive import decode
from webhook_kit.outbox.compression import compress
from webhook_kit.placement import order_search
from webhook_kit.storage.formats import is_newer
from webhook_kit.storage.messagepack import pack
from webhook_kit.stores.cipher import CredentialCipher
from webhook_kit.stores.repository import RedisStoreRepository

__all__ = ["NAMES", "targets"]

NAMES = ("archived_order", "order_record", "store_record", "messagepack")

_UNPACK = "local found = cmsgpack.unpack(ARGV[1]) return {found.raw, found.text, #found.lines, found.number}"


def targets(surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    yield Target("archived_order", _archived_order)
    yield Target("order_record", _order_record)
    yield Target("store_record", partial(_store_record, surroundings), (ConfigurationError,), per_byte=50)
    yield Target("messagepack", partial(_messagepack, surroundings))


def _archived_order(data: bytes) -> None:
    """Decode an archive as it is, and the archive of a text."""
    for archive in (data, b"2 0 " + compress(data, "ref")):
        if decode("ref", archive).record.get("ref", "") is None:
            raise Fault("a record without its reference")


def _order_record(data: bytes) -> None:
    text = data.decode(errors="replace")
    is_newer(data)
    is_newer(text)
    order_search.milliseconds(text)
    order_search._step(text)
    order_search.refusal_of({"state": "refused", "answer": text})
    _step(text)
    _accepted({"order": text})
    _accepted({"accepted": text})
    _items_of_record({"order": text})


def _store_record(surroundings: Surroundings, data: bytes) -> None:
    kit = surroundings.kit
    repository = RedisStoreRepository(kit.redis, kit.keys, CredentialCipher([], allow_plaintext=True))
    text = data.decode(errors="replace")
    repository.identify("main", text)
    repository.decode("main", text)


def _messagepack(surroundings: Surroundings, data: bytes) -> None:
    """Pack texts and numbers, and let Redis unpack them."""
    text, number = data.decode(errors="replace"), int.from_bytes(data[:6])
    lines = data.splitlines()
    packed = pack({"raw": data, "text": text, "lines": lines, "number": number, "none": None, "float": number / 7})
    unpacked = surroundings.kit.redis.eval(_UNPACK, 0, packed)
    if unpacked != [data, text.encode(), len(lines), number]:
        raise Fault(f"Redis unpacks {unpacked!r}"[:300])
