"""``webhook-kit certify``: what holds and what does not, in the terminal, as JSON and as a page; by the exit code, too."""

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

from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.report import ConformanceReport, RuleOutcome
from webhook_kit.testing.stack import SECRET, Stack

ROOT = Path(__file__).parents[2]

FIXTURES = """
import pytest

@pytest.fixture(scope="session")
def till():
    return "a till"
"""
WITH_FIXTURES = """
import pytest
from webhook_kit.testing.bogus_contract import BogusContract

@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TILL", "x")

class Contract(BogusContract):
    @pytest.fixture(autouse=True)
    def _till(self, till):
        self.till = till

    def open_store(self):
        import os
        assert self.till == "a till"
        assert os.environ["SECRET_OF_THE_TILL"] == "x"
        return super().open_store()
"""
LEFT_OUT = """
import pytest
from webhook_kit.testing.bogus_contract import BogusContract

pytestmark = pytest.mark.skip(reason="no till today")

class TestContract(BogusContract):
    pass
"""
WRONG = """
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.contract.hooks import ContractHooks
from tests.testing.contract.hostile import ordering

class Wrong(BogusContract):
    adapter = ordering._IgnoresQuantities
    set_price = ContractHooks.set_price
    advance = ContractHooks.advance
    known_failures = {"test_quantities_reach_the_ticket": "the till rings up one by one <soon>"}
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


def read(file: Path) -> ConformanceReport:
    return ConformanceReport.from_dict(json.loads(file.read_text()))


def verdicts(certificate: ConformanceReport) -> dict[str, tuple[RuleOutcome, str]]:
    return {finding.name: (finding.verdict, finding.why) for finding in certificate.findings}


def test_an_adapter_that_passes_is_certified(tmp_path: Path) -> None:
    done = certify("webhook_kit.testing.bogus_contract:BogusContract", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certified: 48 passed" in done.stdout
    certificate = read(tmp_path / "report.json")
    assert certificate.passed
    assert certificate.capabilities["one ticket rests on"] == "native"


def test_the_report_says_what_failed_what_was_left_out_and_why(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    done = certify("wrong:Wrong", "--json", "report.json", "--html", "report.html", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not certified" in done.stdout
    found = verdicts(read(tmp_path / "report.json"))
    assert found["test_quantities_reach_the_ticket"] == (RuleOutcome.KNOWN, "the till rings up one by one <soon>")
    assert found["test_no_order_at_a_stale_price"][0] is RuleOutcome.SKIPPED
    assert "Wrong.set_price() is not defined" in found["test_no_order_at_a_stale_price"][1]
    failed = {name for name, (verdict, _) in found.items() if not verdict.good}
    assert failed == {
        "test_progress_reaches_gett",
        "test_events_out_of_order_and_twice",
        "test_events_of_unknown_orders",
        "test_forged_events_are_refused",
        "test_garbage_is_refused",
        "test_a_lost_event_is_found",
        "test_a_closed_order_is_found",
        "test_a_cancellation_that_comes_too_late",
    }
    assert "Wrong.advance() is not defined" in found["test_a_lost_event_is_found"][1]
    page = (tmp_path / "report.html").read_text()
    assert "one by one &lt;soon&gt;" in page
    assert "To do: let orders_since() return the order" in page


def test_the_fixtures_of_the_vendors_own_tests_hold(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "__init__.py").touch()
    (tests / "conftest.py").write_text(FIXTURES)
    (tests / "test_contract.py").write_text(WITH_FIXTURES)
    done = certify("tests.test_contract:Contract", cwd=tmp_path, PYTEST_ADDOPTS="-k nothing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certified: 48 passed" in done.stdout


def test_what_is_left_out_from_outside_is_not_certified(tmp_path: Path) -> None:
    (tmp_path / "test_contract.py").write_text(LEFT_OUT)
    done = certify("test_contract:TestContract", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 1
    found = set(verdicts(read(tmp_path / "report.json")).values())
    assert found == {(RuleOutcome.MISSING, "it was skipped from outside the contract: Skipped: no till today")}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("wrong", "write module:Class"),
        ("nowhere:Contract", "there is no module nowhere"),
        ("webhook_kit.testing.bogus:BogusAdapter", "is no subclass of webhook_kit.testing.contract.AdapterContract"),
    ],
)
def test_what_cannot_be_certified_is_said_in_one_line(spec: str, said: str, tmp_path: Path) -> None:
    done = certify(spec, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- an endpoint -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack("bogus", worker=False) as stack:
        yield stack


def order(stack: Stack, directory: Path) -> str:
    cart: dict[str, Any] = {"storeId": stack.store_id, "lineItems": [{"itemId": "cola", "quantity": 1}]}
    file = directory / "order.json"
    file.write_text(json.dumps({"cart": cart, "fulfillmentType": "Pickup"}))
    return str(file)


def test_an_endpoint_is_certified(stack: Stack, tmp_path: Path) -> None:
    done = certify(
        stack.urls[0],
        "--order",
        order(stack, tmp_path),
        "--json",
        "report.json",
        cwd=tmp_path,
        GETT_WEBHOOK_SECRETS=SECRET,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {verdict for verdict, _ in verdicts(read(tmp_path / "report.json")).values()} == {RuleOutcome.PASSED}


def test_without_an_order_nothing_is_placed_and_the_report_says_so(stack: Stack, tmp_path: Path) -> None:
    done = certify(stack.urls[0], "--json", "report.json", cwd=tmp_path, GETT_WEBHOOK_SECRETS=SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    found = verdicts(read(tmp_path / "report.json"))
    assert found["replay_is_the_same"] == (RuleOutcome.SKIPPED, "no order was given: --order FILE")
    assert found["forged_is_refused"] == (RuleOutcome.PASSED, "")


def test_an_endpoint_that_believes_anyone_is_not_certified(tmp_path: Path) -> None:
    with Stack("bogus", worker=False, env={"ALLOW_UNSIGNED_WEBHOOKS": "true"}) as open_to_all:
        done = certify(open_to_all.urls[0], "--json", "report.json", cwd=tmp_path, GETT_WEBHOOK_SECRETS=SECRET)
    assert done.returncode == 1
    found = verdicts(read(tmp_path / "report.json"))
    failed = {name for name, (verdict, _) in found.items() if verdict is RuleOutcome.FAILED}
    assert failed == {"unsigned_is_refused", "forged_is_refused", "stale_is_refused"}


def test_the_endpoint_of_somebody_with_another_secret_is_told_apart(stack: Stack, tmp_path: Path) -> None:
    secret = f"whsec_{uuid4()}"
    done = certify(stack.urls[0], "--order", order(stack, tmp_path), cwd=tmp_path, GETT_WEBHOOK_SECRETS=secret)
    assert done.returncode == 1
    assert secret not in done.stdout + done.stderr
    done = certify(stack.urls[0], cwd=tmp_path)
    assert "GETT_WEBHOOK_SECRETS is missing" in done.stderr
