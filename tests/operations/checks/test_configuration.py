"""Mistakes of the configuration that only a start of the console would tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.operations.checks.configuration import check_configuration


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"console": True, "console_passwords": True}, None),
        (
            {"console": True, "console_passwords": True, "gett_webhook_secrets": [], "allow_unsigned_webhooks": True},
            "CONSOLE_SESSION_KEYS",
        ),
        (
            {
                "console_oidc_issuer": "https://login.example.org",
                "console_oidc_client_id": "console",
                "console_url": "https://ops.example.org",
                "console_viewers": ["jo@example.org"],
            },
            "CONSOLE_OIDC_ISSUER",
        ),
    ],
)
def test_the_console_can_start(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], where: str | None
) -> None:
    monkeypatch.setattr("webhook_kit.operations.checks.configuration.find_spec", lambda _name: None)
    found = [finding.where for finding in check_configuration(make_kit(**settings)) if "CONSOLE" in finding.where]
    assert found == ([where] if where else [])


@pytest.mark.parametrize("allowed", [True, False])
def test_unsigned_webhooks_are_a_warning(make_kit: Callable[..., Kit], allowed: bool) -> None:
    found = list(check_configuration(make_kit(allow_unsigned_webhooks=allowed)))
    assert [(each.severity, each.where) for each in found] == [("warning", "ALLOW_UNSIGNED_WEBHOOKS")] * allowed
