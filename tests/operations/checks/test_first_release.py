"""A platform's first release passes before anything is configured; a later one with the same gap does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations.checks import SETTING_MISSING, CheckOptions, CheckSeverity, run_checks
from webhook_kit.operations.checks.redis_server import Processes
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import free_port

NOTHING: dict[str, Any] = {
    "pos_adapter": None,
    "gett_store_id": None,
    "store_options": {},
    "gett_api_key": [],
    "gett_webhook_secrets": [],
}


@pytest.fixture
def new_kit(make_kit: Callable[..., Kit]) -> Kit:
    """A kit as a button leaves it: Redis is attached, and nothing is configured."""
    return make_kit(**NOTHING)


def found(kit: Kit) -> dict[CheckSeverity, list[str]]:
    """Return the variables of missing settings, by severity."""
    findings = [each for each in run_checks(kit, CheckOptions(Processes())) if each.code == SETTING_MISSING]
    return {severity: [each.where for each in findings if each.severity is severity] for severity in CheckSeverity}


def test_first_release_passes_and_says_what_to_do_next(new_kit: Kit) -> None:
    findings = list(run_checks(new_kit, CheckOptions(Processes())))
    assert [str(each) for each in findings if each.severity is CheckSeverity.ERROR] == []
    (hint,) = [each for each in findings if each.code == "first_release"]
    assert hint.severity is CheckSeverity.WARNING
    assert "set GETT_WEBHOOK_SECRETS, GETT_API_KEY, then run" in hint.advice


def test_later_release_without_a_setting_fails(new_kit: Kit) -> None:
    assert found(new_kit)[CheckSeverity.WARNING] == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY"]
    new_kit.worker_life.give_sign(WorkerKind.SYNC)  # runs without an API key
    assert found(new_kit)[CheckSeverity.WARNING] == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY"]
    new_kit.worker_life.give_sign(WorkerKind.PUSH)
    assert found(new_kit)[CheckSeverity.ERROR] == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY"]


def test_first_release_with_a_mistake_fails(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(**NOTHING, stores_file="nothing.toml")
    errors = [each.where for each in run_checks(kit, CheckOptions(Processes())) if each.severity is CheckSeverity.ERROR]
    assert errors == ["STORES_FILE"]


def test_redis_may_be_missing_only_while_nothing_is_configured() -> None:
    def kit(*, given: bool = False, **settings: object) -> Kit:
        """Return a kit with a Redis that nothing answers for, as if REDIS_URL was given, or was not."""
        made = Settings.model_validate({"redis_url": f"redis://127.0.0.1:{free_port()}/0", **settings})
        if not given:
            made.model_fields_set.remove("redis_url")
        return Kit(made)

    assert found(kit())[CheckSeverity.WARNING] == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY", "REDIS_URL"]
    begun = kit(gett_api_key=["key_test"], gett_api_url="http://127.0.0.1:1")
    assert found(begun)[CheckSeverity.ERROR] == ["GETT_WEBHOOK_SECRETS", "REDIS_URL"]
    findings = run_checks(kit(given=True), CheckOptions(Processes()))
    errors = [each.where for each in findings if each.severity is CheckSeverity.ERROR]
    assert errors == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY", "REDIS_URL"]
