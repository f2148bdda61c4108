"""The modules that are mutated, and the tests that may notice a mutant of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tests.mutation.mutants import ROOT

__all__ = ["ROOMS", "Room", "chosen", "named_tests"]


class Room(NamedTuple):
    """Modules that the same tests cover.

    :ivar modules: patterns of files below ``webhook_kit``.
    :ivar tests: patterns of folders and files below ``tests``.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self) -> list[str]:
        """Return the mutated files, as paths from the root of the project."""
        return [path for pattern in self.modules for path in _found(f"webhook_kit/{pattern}")]

    def test_files(self) -> list[str]:
        """Return the folders and files with the tests."""
        return [path for pattern in self.tests for path in _found(f"tests/{pattern}")]


ROOMS = (
    Room(
        "price",
        ("catalog/cart.py", "catalog/compiled.py", "catalog/cents.py", "placement/pricing.py"),
        ("catalog", "placement/test_pricing.py", "placement/test_validation.py", "webhooks/test_orders_amounts.py", "webhooks/test_orders_carts.py"),
    ),
    Room(
        "placement",
        ("placement/*.lua", *(f"placement/{name}.py" for name in (
            "settlement", "claiming", "claims", "attempt", "placement", "recovery", "idempotency_store", "fingerprint",
            "lease_renewal", "lost_orders", "order_notes", "order_search", "pos_calls", "token", "validation",
        ))),
        ("placement", *(f"webhooks/test_orders_{name}.py" for name in ("outages", "pos_down", "raised", "refusals", "replays")), "webhooks/test_trace.py", "outbox/test_archive.py", "storage/test_formats.py"),
    ),
    Room("quota", ("outbox/quota.py", "outbox/sending.lua", "outbox/take_place.lua", "outbox/move_place.lua"), ("outbox",)),
    Room(
        "lanes",
        ("outbox/lanes.py", *(f"outbox/{name}.lua" for name in (
            "append", "lanes", "lease", "settle", "operate", "notify_if_ready", "record",
        ))),
        ("outbox", "placement/test_order_notes.py", "storage/test_formats.py", "storage/test_queues.py", "test_tracing.py"),
    ),
    Room("catalog", ("catalog/check*.py", "catalog/integrity.py", "catalog/bounds.py", "catalog/rules.py", "catalog/index.py"), ("catalog",)),
)  # fmt: skip


_OF_SCRIPTS = {
    "placement": ("idempotency_store", "order_notes", "lease_renewal"),
    "outbox": ("lanes",),
    "outbox/lease": ("lanes", "quota", "sending_state"),
    "outbox/sending": ("quota", "sending_state"),
    "outbox/record": ("sending_state",),
    "outbox/take_place": ("rate_limited_client", "quota"),
    "outbox/move_place": ("rate_limited_client", "quota"),
}


def named_tests(path: str) -> tuple[str, ...]:
    """Return the beginnings of the paths of the test files of a module; of a script, those of the modules that call it."""
    place, _, kind = path.removeprefix("webhook_kit/").rpartition(".")
    folder, _, stem = place.rpartition("/")
    stems = (
        _OF_SCRIPTS.get(place, _OF_SCRIPTS[folder])
        if kind == "lua"
        else (stem.partition("_")[0] if folder == "catalog" else stem,)
    )
    return tuple(f"tests/{folder}/test_{each}" for each in stems)


def chosen(names: Sequence[str]) -> Iterator[tuple[Room, list[str]]]:
    """Yield each room with those of its files that are named by their end, or whose room is named; all if there are no names."""
    for room in ROOMS:
        files = [path for path in room.files() if not names or room.name in names or path.endswith(tuple(names))]
        if files:
            yield room, files


def _found(pattern: str) -> Iterable[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
