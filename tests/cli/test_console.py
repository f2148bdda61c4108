"""``webhook-kit console``: users and tokens."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Ran
from webhook_kit.console.api_tokens import ApiTokens
from webhook_kit.console.users import ConsoleUsers
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role
from webhook_kit.operations.audit import list_audit

Run = Callable[..., Ran]
PASSWORD = "correct horse battery"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_user_is_added_listed_and_removed(run: Run, kit: Kit, typed: Callable[[str], None]) -> None:
    typed(f"{PASSWORD}\n")
    added = run("console", "add-user", "jo", "--role", "operator")
    assert (added.status, added.out) == (0, "user jo has the role operator; earlier sessions have ended\n")
    assert "CONSOLE_PASSWORDS is not set" in added.err
    user = ConsoleUsers(kit.redis, kit.keys).verify("jo", PASSWORD)
    assert user
    assert user.role is Role.OPERATOR
    (listed,) = json.loads(run("console", "list-users", "--json").out)
    assert (listed["name"], listed["role"]) == ("jo", "operator")
    assert "jo" in run("console", "list-users").out
    assert run("console", "remove-user", "jo").status == 0
    again = run("console", "remove-user", "jo")
    assert (again.status, again.err.splitlines()) == (
        *(1, ["webhook-kit: user jo: there is none; `webhook-kit console list-users` lists all"]),
    )
    recorded = [(entry.via, entry.action, entry.subject) for entry in list_audit(kit).entries]
    assert recorded == [("cli", "remove_user", "jo"), ("cli", "add_user", "jo")]
    assert PASSWORD not in added.out + added.err + str(list_audit(kit))


def test_a_bad_password_is_refused(run: Run, typed: Callable[[str], None]) -> None:
    for text in ("", "short\n", "x" * 2_000):
        typed(text)
        refused = run("console", "add-user", "jo", "--role", "viewer")
        assert (refused.status, "12 to 200 characters" in refused.err) == (1, True)


def test_a_token_is_shown_once(run: Run, kit: Kit) -> None:
    token = run("console", "add-token", "grafana", "--role", "viewer", "--expires", "2199-01-01T00:00:00Z").out.strip()
    known = ApiTokens(kit.redis, kit.keys).verify(token)
    assert known
    assert known.role is Role.VIEWER
    (listed,) = json.loads(run("console", "list-tokens", "--json").out)
    assert (listed["name"], listed["expires"], listed["expired"]) == ("grafana", "2199-01-01T00:00:00.000+00:00", False)
    assert token not in run("console", "list-tokens").out
    assert run("console", "add-token", "grafana", "--role", "viewer").status == 1
    assert run("console", "remove-token", "grafana").status == 0
    assert ApiTokens(kit.redis, kit.keys).verify(token) is None
    assert token not in str(list_audit(kit))


def test_sessions_are_ended_and_names_unlocked(run: Run, kit: Kit) -> None:
    assert run("console", "log-out", "jo@example.org").status == 0
    assert kit.redis.exists(kit.keys.console_logged_out("jo@example.org"))
    assert run("console", "unlock", "jo").status == 0
