"""All checks of an installation together, as a release phase and a person run them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.cli import main
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations.checks import CheckOptions, CheckSeverity, run_checks
from webhook_kit.operations.checks.finding import mistake
from webhook_kit.operations.checks.redis_server import Processes
from webhook_kit.testing.redis_server import RedisServer

MakeKit = Callable[..., Kit]


def test_first_deployment_has_no_error(make_kit: MakeKit) -> None:
    """Neither stores nor workers, an empty Redis, and no web process yet."""
    kit = make_kit(pos_adapter=None, gett_store_id=None, store_options={}, public_url="http://127.0.0.1:1")
    findings = list(run_checks(kit, CheckOptions(Processes())))
    assert [finding for finding in findings if finding.severity is CheckSeverity.ERROR] == []
    assert {"public_url", "push_worker", "sync_worker", "console_off", "alerts_off"} <= {
        finding.code for finding in findings
    }


def test_unusable_redis_hides_no_other_finding(make_kit: MakeKit) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0", gett_api_key=[], gett_webhook_secrets=[])
    findings = list(run_checks(kit, CheckOptions(Processes(), pos=True)))
    errors = [finding.where for finding in findings if finding.severity is CheckSeverity.ERROR]
    assert errors == ["GETT_WEBHOOK_SECRETS", "GETT_API_KEY", "REDIS_URL"]


def test_variable_of_a_mistake_is_found() -> None:
    assert mistake("GETT_API_KEY is not set; it is required").where == "GETT_API_KEY"
    assert mistake("no store is configured").where == ""
    assert str(mistake("STORES_FILE x.toml: No such file")) == "STORES_FILE x.toml: No such file"


def run_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str, **env: str
) -> tuple[int, dict[str, Any]]:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("webhook_kit.logs.configure", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["webhook-kit", "check", "--json", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0), json.loads(capsys.readouterr().out)


def test_json_has_every_finding_and_the_exit_status_is_that_of_errors(
    redis_server: RedisServer, kit: Kit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {
        "REDIS_URL": redis_server.url,
        "KEY_PREFIX": kit.keys.prefix,
        "GETT_WEBHOOK_SECRETS": "whsec_test",
        "GETT_API_KEY": "key_test",
        "GETT_API_URL": "http://127.0.0.1:1",
    }
    status, document = run_check(monkeypatch, capsys, **env)
    assert (status, document["ok"]) == (0, True)
    assert "gett_unreachable" in {finding["code"] for finding in document["findings"]}
    assert {"severity", "code", "where", "what", "advice"} == set(document["findings"][0])
    kit.worker_life.give_sign(WorkerKind.PUSH)
    status, document = run_check(monkeypatch, capsys, "--offline", GETT_API_KEY="")
    assert (status, document["ok"]) == (1, False)
    assert document["findings"][0]["where"] == "GETT_API_KEY"
    status, document = run_check(monkeypatch, capsys, PRICE_POLICY="cheap")
    assert (status, document["findings"][0]["where"]) == (1, "PRICE_POLICY")
