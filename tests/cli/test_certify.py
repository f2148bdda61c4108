"""``webhook-kit certify``: the report in the terminal, as JSON and as HTML, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from webhook_kit.cli.certify import _certify_endpoint, _order
from webhook_kit.errors import ConfigurationError
from webhook_kit.testing import endpoint
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.report import ConformanceReport, RuleOutcome
from webhook_kit.testing.stack import SECRET, Stack

ROOT = Path(__file__).parents[2]

FIXTURES = """
import pytest

@pytest.fixture(scope="session")
def pos_fixture():
    return "a fixture"
"""
WITH_FIXTURES = """
import pytest
from webhook_kit.testing.bogus_contract import BogusContract

@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("POS_SECRET", "x")

class Contract(BogusContract):
    @pytest.fixture(autouse=True)
    def _use_fixture(self, pos_fixture):
        self.pos_fixture = pos_fixture

    def open_store(self):
        import os
        assert self.pos_fixture == "a fixture"
        assert os.environ["POS_SECRET"] == "x"
        return super().open_store()
"""
SKIPPED_FROM_OUTSIDE = """
import pytest
from webhook_kit.testing.bogus_contract import BogusContract

pytestmark = pytest.mark.skip(reason="no POS today")

class TestContract(BogusContract):
    pass
"""
WRONG = """
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.contract.hooks import ContractHooks
from tests.testing.contract.hostile import placement

class Wrong(BogusContract):
    adapter = placement._IgnoresQuantities
    set_price = ContractHooks.set_price
    advance = ContractHooks.advance
    known_failures = {"test_quantities_reach_the_ticket": "the POS counts pieces <soon>"}
"""


def certify(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "webhook_kit.cli", "certify", *arguments]
    return subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )


def read_report(file: Path) -> ConformanceReport:
    return ConformanceReport.from_dict(json.loads(file.read_text()))


def outcomes(report: ConformanceReport) -> dict[str, tuple[RuleOutcome, str]]:
    return {result.name: (result.outcome, result.detail) for result in report.results}


def test_an_adapter_that_passes_is_certified(tmp_path: Path) -> None:
    done = certify("webhook_kit.testing.bogus_contract:BogusContract", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certified: 57 passed, 1 skipped" in done.stdout
    report = read_report(tmp_path / "report.json")
    assert report.passed
    assert f"    {report.declaration}\n" in done.stdout
    assert "Capability.NATIVE_IDEMPOTENCY: Level.TESTED" in report.declaration
    assert report.capabilities["guarantee"] == "native"


def test_the_report_lists_failed_and_skipped_rules_with_reasons(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    done = certify("wrong:Wrong", "--json", "report.json", "--html", "report.html", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not certified" in done.stdout
    results = outcomes(read_report(tmp_path / "report.json"))
    assert results["test_quantities_reach_the_ticket"] == (RuleOutcome.KNOWN, "the POS counts pieces <soon>")
    assert results["test_stale_price_is_refused"][0] is RuleOutcome.SKIPPED
    assert "Wrong.set_price() is not defined" in results["test_stale_price_is_refused"][1]
    failed = {name for name, (outcome, _) in results.items() if not outcome.acceptable}
    assert failed == {
        "test_progress_is_sent_to_gett",
        "test_late_and_repeated_events_are_ignored",
        "test_events_of_unknown_orders_are_ignored",
        "test_forged_events_are_rejected",
        "test_malformed_events_are_rejected",
        "test_reconciliation_finds_a_missed_step",
        "test_reconciliation_finds_a_closed_order",
        "test_cancel_order_fails_for_a_closed_order",
    }
    assert "Wrong.advance() is not defined" in results["test_reconciliation_finds_a_missed_step"][1]
    page = (tmp_path / "report.html").read_text()
    assert "the POS counts pieces &lt;soon&gt;" in page
    assert "To do: let orders_since() return the order" in page


def test_the_fixtures_of_the_vendors_tests_apply(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "__init__.py").touch()
    (tests / "conftest.py").write_text(FIXTURES)
    (tests / "test_contract.py").write_text(WITH_FIXTURES)
    done = certify("tests.test_contract:Contract", cwd=tmp_path, PYTEST_ADDOPTS="-k nothing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certified: 57 passed, 1 skipped" in done.stdout


def test_tests_skipped_by_the_vendor_are_not_certified(tmp_path: Path) -> None:
    (tmp_path / "test_contract.py").write_text(SKIPPED_FROM_OUTSIDE)
    done = certify("test_contract:TestContract", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 1
    results = set(outcomes(read_report(tmp_path / "report.json")).values())
    assert results == {(RuleOutcome.MISSING, "it was skipped, but not by the contract: Skipped: no POS today")}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("wrong", "name module:Class"),
        ("nowhere:Contract", "the module nowhere was not found"),
        ("webhook_kit.testing.bogus:BogusAdapter", "is not a subclass of webhook_kit.testing.contract.AdapterContract"),
    ],
)
def test_an_invalid_subject_is_an_error_in_one_line(spec: str, message: str, tmp_path: Path) -> None:
    done = certify(spec, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- an endpoint -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack("bogus", worker=False) as stack:
        yield stack


def order_file(stack: Stack, directory: Path) -> str:
    cart: dict[str, Any] = {"storeId": stack.store_id, "lineItems": [{"itemId": "cola", "quantity": 1}]}
    file = directory / "order.json"
    file.write_text(json.dumps({"cart": cart, "fulfillmentType": "Pickup"}))
    return str(file)


@pytest.mark.parametrize(("encoding", "read"), [("utf-8-sig", True), ("utf-16", True), ("cp1252", False)])
def test_an_order_is_read_whatever_its_byte_order_mark(encoding: str, read: bool, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_bytes(json.dumps({"cart": {"note": "é"}}, ensure_ascii=False).encode(encoding))
    if read:
        assert _order(file) == {"cart": {"note": "é"}}
    else:
        with pytest.raises(ConfigurationError, match="is not UTF-8; save the file as UTF-8"):
            _order(file)


def test_an_order_that_is_nested_deeply_or_never_ends_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    for file, why in ((deep, "is nested too deeply"), (Path("/dev/zero"), "--order /dev/zero: ")):
        with pytest.raises(ConfigurationError, match=why):
            _order(file)


def test_the_secret_of_an_endpoint_is_written_without_quotation_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GETT_WEBHOOK_SECRETS", "'hidden',old")
    with pytest.raises(ConfigurationError, match="GETT_WEBHOOK_SECRETS: is in quotation marks"):
        _certify_endpoint("http://127.0.0.1:1", None)


def test_the_report_names_the_endpoint_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_RULES", ())
    report = endpoint.certify_endpoint("https://me:hidden@pos.example.org/gett?sig=hidden", "s", None)
    assert report.subject == "the endpoint https://…@pos.example.org/gett?…"


def test_an_endpoint_is_certified(stack: Stack, tmp_path: Path) -> None:
    done = certify(
        stack.urls[0],
        "--order",
        order_file(stack, tmp_path),
        "--json",
        "report.json",
        cwd=tmp_path,
        GETT_WEBHOOK_SECRETS=SECRET,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {outcome for outcome, _ in outcomes(read_report(tmp_path / "report.json")).values()} == {RuleOutcome.PASSED}


def test_without_an_order_the_rules_that_need_one_are_skipped(stack: Stack, tmp_path: Path) -> None:
    done = certify(stack.urls[0], "--json", "report.json", cwd=tmp_path, GETT_WEBHOOK_SECRETS=SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    results = outcomes(read_report(tmp_path / "report.json"))
    assert results["duplicate_gets_the_first_response"] == (RuleOutcome.SKIPPED, "no order was given: --order FILE")
    assert results["wrong_signature_is_rejected"] == (RuleOutcome.PASSED, "")


def test_an_endpoint_that_accepts_unsigned_webhooks_is_not_certified(tmp_path: Path) -> None:
    with Stack("bogus", worker=False, env={"ALLOW_UNSIGNED_WEBHOOKS": "true"}) as unsigned:
        done = certify(unsigned.urls[0], "--json", "report.json", cwd=tmp_path, GETT_WEBHOOK_SECRETS=SECRET)
    assert done.returncode == 1
    results = outcomes(read_report(tmp_path / "report.json"))
    failed = {name for name, (outcome, _) in results.items() if outcome is RuleOutcome.FAILED}
    assert failed == {"unsigned_is_rejected", "wrong_signature_is_rejected", "stale_signature_is_rejected"}


def test_an_endpoint_with_another_secret_is_not_certified(stack: Stack, tmp_path: Path) -> None:
    secret = f"whsec_{uuid4()}"
    done = certify(stack.urls[0], "--order", order_file(stack, tmp_path), cwd=tmp_path, GETT_WEBHOOK_SECRETS=secret)
    assert done.returncode == 1
    assert secret not in done.stdout + done.stderr
    done = certify(stack.urls[0], cwd=tmp_path)
    assert "GETT_WEBHOOK_SECRETS is not set" in done.stderr
