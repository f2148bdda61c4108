"""Read models as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from webhook_kit.console.api.plain import plain, schema_of
from webhook_kit.operations.actor import Role
from webhook_kit.pos.store import Store


@dataclass
class Sample:
    """A sample."""

    role: Role
    inside: tuple[Sample, ...]
    numbers: Mapping[str, int] | None


class Pair(NamedTuple):
    """A pair."""

    number: int
    role: Role


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (float("nan"), None),
        (float("inf"), None),
        ("half \ud800 pair", "half \ufffd pair"),
        (Decimal("2.750"), "2.750"),
        (timedelta(minutes=1.5), 90.0),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), "2026-01-02T02:00:00Z"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00Z"),
        (Role.VIEWER, "viewer"),
        ({1: Role.VIEWER}, {"1": "viewer"}),
        (Pair(1, Role.VIEWER), {"number": 1, "role": "viewer"}),
        (frozenset({"b", "a"}), ["a", "b"]),
        (
            Sample(Role.VIEWER, (Sample(Role.OPERATOR, (), {"a": 1}),), None),
            {"role": "viewer", "inside": [{"role": "operator", "inside": [], "numbers": {"a": 1}}], "numbers": None},
        ),
        (
            Store("main", "g", "bogus", credentials={"token": "secret"}, options={"file": "x"}),
            {"id": "main", "gett_id": "g", "adapter": "bogus", "name": ""},
        ),
    ],
)
def test_a_value_as_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


@pytest.mark.parametrize("value", [object(), b"bytes", Sample, iter([])])
def test_a_type_without_a_rule_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="no form as JSON"):
        plain(value)


def test_the_schema_of_a_class() -> None:
    components: dict[str, Any] = {}
    assert schema_of(Sample, components) == {"$ref": "#/components/schemas/Sample"}
    assert components["Sample"] == {
        "type": "object",
        "description": "A sample.",
        "properties": {
            "role": {"type": "string", "enum": ["viewer", "operator"]},
            "inside": {"type": "array", "items": {"$ref": "#/components/schemas/Sample"}},
            "numbers": {"anyOf": [{"type": "object", "additionalProperties": {"type": "integer"}}, {"type": "null"}]},
        },
        "required": ["role", "inside", "numbers"],
    }
    assert schema_of(list[Pair], components)["items"] == {"$ref": "#/components/schemas/Pair"}
    assert list(components["Pair"]["properties"]) == ["number", "role"]
    with pytest.raises(TypeError):
        schema_of(bytes, {})
