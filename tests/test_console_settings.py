"""Settings of the console: every contradiction at once, and nothing that lets anybody in by accident."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings


def mistakes(**settings: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Settings(**settings)
    return str(caught.value.errors()[0]["msg"]).removeprefix("Value error, ").splitlines()


def test_every_contradiction_is_reported() -> None:
    found = mistakes(
        console_oidc_issuer="https://login.example.org",
        console_proxy_header="X-User",
        console_session_idle=7_200,
        console_session_limit=3_600,
    )
    assert [mistake.split()[0] for mistake in found] == [
        *("CONSOLE_OIDC_CLIENT_ID", "CONSOLE_URL", "CONSOLE_PROXY_HEADER", "CONSOLE_OPERATORS", "CONSOLE_SESSION_IDLE"),
    ]
    assert mistakes(console=True) == [
        "CONSOLE is set without a way to log in; set CONSOLE_PASSWORDS=true, CONSOLE_OIDC_ISSUER or CONSOLE_PROXY_HEADER"
    ]
    (path,) = mistakes(console_url="https://ops.example.org/x")
    assert path.startswith("CONSOLE_URL has a path")
    (prefix,) = mistakes(console=True, console_passwords=True, webhook_prefix="/console/x")
    assert prefix.startswith("WEBHOOK_PREFIX")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("console_proxy_addresses", "10.0.0.0/8,everybody"),
        ("console_proxy_addresses", "10.0.0.1/8"),
        ("console_proxy_header", "X_User"),
        ("console_proxy_header", "X-User: a"),
        ("console_url", "ops.example.org"),
        ("console_session_idle", "0"),
        ("console_operators", "jo\u202egro.elpmaxe@,al"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(ConfigurationError, match=name.upper()):
        Settings.from_env()


def test_keys_are_configured_or_derived_and_never_those_of_tokens() -> None:
    settings = Settings(gett_webhook_secrets=["one", "two"])
    assert len(settings.console_keys()) == 2
    assert not set(settings.console_keys()) & set(settings.token_keys())
    assert Settings(console_session_keys=["new", "old"]).console_keys() == ["new", "old"]
    with pytest.raises(ConfigurationError, match="CONSOLE_SESSION_KEYS"):
        Settings(allow_unsigned_webhooks=True).console_keys()


def test_secrets_are_never_shown() -> None:
    settings = Settings(
        console_oidc_client_secret="hidden one",
        console_session_keys=["hidden two"],
        console_proxy_secret=["hidden three"],
    )
    assert "hidden" not in repr(settings)
