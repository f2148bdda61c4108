"""Exceptions of an adapter have the effects that docs/errors.md states: scripts/errors.toml has the table."""

from __future__ import annotations

import builtins
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.webhooks.scripted_pos import TOTAL, raising, scripted_pos
from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit import errors
from webhook_kit.kit import Kit
from webhook_kit.testing.bogus import BogusAdapter

TEXTS = Path(__file__).parents[2] / "scripts" / "errors.toml"
ENTRIES = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["exceptions"]


def raised(name: str) -> Exception:
    """Return an exception of this name, with a text that must not reach Gett."""
    if name.startswith("requests."):
        return requests.HTTPError("a-secret")
    kind = getattr(errors, name, None) or getattr(builtins, name)
    error: Exception = kind("a-secret")
    return error


def cases() -> Iterator[Any]:
    for entry in ENTRIES:
        for name in entry["raised"].split(", "):
            for method in ("place_order", "find_order", "quote", "fetch_catalog", "parse_event"):
                yield pytest.param(name, method, entry[method], id=f"{name}-{method}")


CASES = list(cases())


@pytest.mark.parametrize(("name", "method", "expected"), [case for case in CASES if case.values[1] != "parse_event"])
def test_an_exception_gets_the_documented_answer(
    name: str, method: str, expected: str, make_client: Callable[..., WebhookClient]
) -> None:
    client, key = make_client(**scripted_pos(**{method: raising(raised(name))})), str(uuid4())
    response = client.place(order(**TOTAL), key)
    assert f"{response.status_code} {client.state(key)}" == expected
    assert "a-secret" not in response.text
    assert (response.status_code == 503) is ("Retry-After" in response.headers)


@pytest.mark.parametrize(("name", "method", "expected"), [case for case in CASES if case.values[1] == "parse_event"])
def test_an_exception_of_parse_event_gets_the_documented_answer(
    name: str, method: str, expected: str, client: WebhookClient, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BogusAdapter, method, raising(raised(name)))
    assert str(client.post("pos/bogus/events", b"{}", {}).status_code) == expected


def test_a_result_of_another_type_counts_as_an_exception(make_client: Callable[..., WebhookClient]) -> None:
    for method, state in (("place_order", "in_doubt"), ("find_order", "released"), ("quote", "released")):
        client, key = make_client(**scripted_pos(**{method: lambda *_: 42})), str(uuid4())
        assert (client.place(order(**TOTAL), key).status_code, client.state(key)) == (503, state)
