"""Log-ins, failures, log-outs and refusals in the audit log."""

from __future__ import annotations

from collections.abc import Callable

from tests.console.console_client import PASSWORD, ConsoleClient
from webhook_kit.operations.actor import Role
from webhook_kit.operations.audit import list_audit


def entries(console: ConsoleClient) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.action, entry.result) for entry in reversed(list_audit(console.kit, size=1_000).entries)]


def test_what_somebody_did_is_recorded(console: ConsoleClient) -> None:
    console.log_in(role=Role.VIEWER)
    token = console.form_token()
    console.post("/", {"csrf_token": token})
    console.post("/", {})
    console.post("/logout", {}, Origin="https://evil.example")
    console.post("/logout", {})
    console.post("/login", {"name": "jo", "password": "typed in the wrong place"})
    console.post("/login", {"name": PASSWORD, "password": "x"})
    assert entries(console) == [
        ("jo", "log_in", "ok"),
        ("jo", "request", "refused: viewers change nothing"),
        ("jo", "request", "refused: the form has not the token of this session"),
        ("unknown", "request", "refused: the Origin is another one; behind a proxy, set CONSOLE_URL"),
        ("jo", "log_out", "ok"),
        ("jo", "log_in", "wrong name or password"),
        ("unknown", "log_in", "wrong name or password"),
    ]
    assert PASSWORD not in str(list_audit(console.kit))


def test_strangers_cannot_fill_the_audit_log(make_console: Callable[..., ConsoleClient]) -> None:
    console = make_console()
    for _ in range(40):
        console.post("/logout", {}, Origin="https://evil.example")
    assert len(entries(console)) == 30
