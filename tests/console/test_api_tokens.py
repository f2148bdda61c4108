"""Tokens of the console's API."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from webhook_kit.console.api_tokens import ApiTokens
from webhook_kit.errors import Conflict, InvalidArgument, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role


@pytest.fixture
def tokens(kit: Kit) -> ApiTokens:
    return ApiTokens(kit.redis, kit.keys)


def test_a_token_is_known_by_itself_only(tokens: ApiTokens, kit: Kit) -> None:
    token = tokens.add("grafana", Role.VIEWER)
    known = tokens.verify(token)
    assert known
    assert (known.name, known.role, known.expires) == ("grafana", Role.VIEWER, None)
    assert token not in str(kit.redis.hgetall(kit.keys.console_tokens))


@pytest.mark.parametrize("wrong", ["", "wkc_", "wkc_" + "a" * 43, "é", "\ud800", "x" * 100_000])
def test_nothing_else_is_a_token(tokens: ApiTokens, wrong: str) -> None:
    tokens.add("grafana", Role.VIEWER)
    assert tokens.verify(wrong) is None


def test_a_token_ends(tokens: ApiTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime.now(UTC).timestamp() + 100
    token = tokens.add("short", Role.OPERATOR, end)
    assert tokens.verify(token)
    monkeypatch.setattr(time, "time", lambda: end)
    assert tokens.verify(token) is None
    assert tokens.list()[0].expired


def test_a_removed_token_is_of_no_use(tokens: ApiTokens) -> None:
    token = tokens.add("grafana", Role.VIEWER)
    tokens.add("other", Role.VIEWER)
    tokens.remove("grafana")
    assert tokens.verify(token) is None
    assert [each.name for each in tokens.list()] == ["other"]
    with pytest.raises(NotFound, match="token grafana"):
        tokens.remove("grafana")


def test_a_name_is_given_once(tokens: ApiTokens) -> None:
    tokens.add("grafana", Role.VIEWER)
    with pytest.raises(Conflict, match="there is one already"):
        tokens.add("grafana", Role.OPERATOR)
    for name in ("", "a b", "x" * 101, "\ud800"):
        with pytest.raises(InvalidArgument):
            tokens.add(name, Role.VIEWER)
    with pytest.raises(InvalidArgument, match="in the past"):
        tokens.add("late", Role.VIEWER, 1.0)
