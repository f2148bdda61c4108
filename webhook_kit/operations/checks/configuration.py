"""Checks of the configuration: what can be found out without a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import redis

from webhook_kit.error_reports import load_reporters
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import SETTING_MISSING, CheckFinding, CheckSeverity, mistake

__all__ = ["NO_STORE", "check_configuration", "check_people"]

NO_STORE = (
    "no store is configured: add one (webhook-kit stores add, then webhook-kit stores onboard), or set POS_ADAPTER and "
    "GETT_STORE_ID for one store, STORES_FILE for several"
)


def check_configuration(kit: Kit) -> Iterator[CheckFinding]:
    """Yield every mistake in the environment and in the stores, and a setting that is for development only."""
    checks: list[tuple[str, Callable[[], object]]] = [
        (SETTING_MISSING, kit.settings.require_authenticity),
        ("configuration", lambda: _check_stores(kit)),
        (SETTING_MISSING, lambda: kit.client),
        ("configuration", lambda: kit.catalog_storage),
        ("configuration", lambda: load_reporters(kit.settings)),
        ("configuration", lambda: _check_console(kit)),
    ]
    for code, check in checks:
        try:
            check()
        except ConfigurationError as error:
            yield from (mistake(line, code) for line in error.mistakes)
    if kit.settings.allow_unsigned_webhooks:
        yield CheckFinding(
            CheckSeverity.WARNING,
            "unsigned_webhooks",
            "ALLOW_UNSIGNED_WEBHOOKS",
            "webhooks without a signature are accepted, so that anyone can send orders",
            "unset it, and set GETT_WEBHOOK_SECRETS",
        )


def _check_stores(kit: Kit) -> None:
    if mistakes := kit.stores.configured_mistakes():
        raise ConfigurationError(*mistakes)
    try:
        kit.store_repository.version()
    except redis.RedisError:  # reported by the check of Redis
        return
    if saved := kit.stores.unusable().values():
        raise ConfigurationError(*saved)


def _check_console(kit: Kit) -> None:
    settings = kit.settings
    if settings.console:
        settings.console_keys()
    if settings.console_oidc_issuer and find_spec("authlib") is None:
        raise ConfigurationError(
            "CONSOLE_OIDC_ISSUER: the extra `console` is not installed; pip install 'webhook-kit[console]'"
        )


def check_people(kit: Kit) -> Iterator[CheckFinding]:
    """Yield what keeps people from learning that something is wrong."""
    settings = kit.settings
    channels = (
        settings.alert_webhooks,
        settings.alert_slack,
        settings.alert_teams,
        settings.alert_pagerduty,
        settings.alert_email_to,
    )
    if not any(channels):
        yield CheckFinding(
            CheckSeverity.INFO,
            "alerts_off",
            "ALERT_EMAIL_TO",
            "alerts go nowhere, so that nobody learns at night that something is wrong",
            "set ALERT_EMAIL_TO, ALERT_SLACK, ALERT_TEAMS, ALERT_PAGERDUTY or ALERT_WEBHOOKS",
        )
    if not settings.console:
        yield CheckFinding(
            CheckSeverity.INFO,
            "console_off",
            "CONSOLE",
            "the console is off, so that only this command line shows what is wrong",
            "set CONSOLE=true and a way to log in",
        )
