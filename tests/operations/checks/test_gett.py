"""Check of Gett's API, against a local Gett and addresses that are not Gett's."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tests.tcp_server import FakeServer, Serve, responding, silent
from tests.tls_redis import TlsProxy, make_certificate
from webhook_kit.kit import Kit
from webhook_kit.operations.checks import gett
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.operations.checks.gett import check_gett
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.testing.processes import PATIENCE

MakeKit = Callable[..., Kit]


@pytest.fixture
def local_gett() -> Iterator[str]:
    local = LocalGett("", "secret", "key_test", str(uuid4()))
    with local.serve() as url:
        yield url


def test_key_that_gett_accepts_has_no_finding(local_gett: str, make_kit: MakeKit) -> None:
    assert list(check_gett(make_kit(gett_api_url=local_gett))) == []


def test_key_that_gett_refuses_is_an_error_that_does_not_quote_it(local_gett: str, make_kit: MakeKit) -> None:
    (finding,) = check_gett(make_kit(gett_api_url=local_gett, gett_api_key="key_wrong"))
    assert (finding.severity, finding.where) == (CheckSeverity.ERROR, "GETT_API_KEY")
    assert "Gett refuses the key (401)" in finding.what
    assert "key_wrong" not in str(finding)


@pytest.mark.parametrize("keys", ["key_test,key_wrong", "key_wrong,key_test"])
def test_release_passes_during_a_rotation_while_gett_knows_one_of_the_keys(
    keys: str, local_gett: str, make_kit: MakeKit
) -> None:
    (finding,) = check_gett(make_kit(gett_api_url=local_gett, gett_api_key=keys))
    assert finding.severity is CheckSeverity.WARNING
    assert f"key {1 + keys.split(',').index('key_wrong')} of 2" in finding.what


def test_release_stops_when_gett_knows_none_of_the_keys(local_gett: str, make_kit: MakeKit) -> None:
    findings = list(check_gett(make_kit(gett_api_url=local_gett, gett_api_key="key_wrong,key_older")))
    assert [finding.severity for finding in findings] == [CheckSeverity.ERROR] * 2


def test_clock_that_differs_from_gett_is_named(
    local_gett: str, make_kit: MakeKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gett, "time", SimpleNamespace(time=lambda: time.time() + 1200))
    (finding,) = check_gett(make_kit(gett_api_url=local_gett))
    assert finding.severity is CheckSeverity.WARNING
    ahead = re.search(r"(\d+) s ahead of the clock of Gett", finding.what)
    assert ahead is not None
    assert 1199 <= int(ahead[1]) < 1200 + PATIENCE  # Gett's clock has whole seconds, and its answer takes a while


def test_address_where_nobody_listens_is_a_warning(make_kit: MakeKit) -> None:
    (finding,) = check_gett(make_kit(gett_api_url="http://127.0.0.1:1"))
    assert (finding.severity, finding.where) == (CheckSeverity.WARNING, "GETT_API_URL")


ANSWERS: dict[str, tuple[Serve, CheckSeverity, str]] = {
    "web page": (
        responding(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        CheckSeverity.ERROR,
        "gett_address",
    ),
    "outage": (
        responding(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        CheckSeverity.WARNING,
        "gett_unavailable",
    ),
    "limit": (
        responding(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n"),
        CheckSeverity.INFO,
        "gett_unknown",
    ),
    "silence": (silent, CheckSeverity.WARNING, "gett_unreachable"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answer_that_says_nothing_about_the_key(
    case: str, make_kit: MakeKit, start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gett, "_READ", 0.3)
    serve, severity, code = ANSWERS[case]
    (finding,) = check_gett(make_kit(gett_api_url=start_server(serve).url, gett_api_key="one,two"))
    assert (finding.severity, finding.code) == (severity, code)


@pytest.mark.parametrize(
    ("options", "problem"),
    [({}, "self-signed"), ({"days": -1}, "expired"), ({"host": "gett.example.org"}, "another host")],
)
def test_trouble_with_the_certificate_is_named_with_its_variable(
    options: dict[str, object], problem: str, make_kit: MakeKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, **options)  # type: ignore[arg-type]
    if options:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    proxy = TlsProxy(certificate, 1)
    try:
        (finding,) = check_gett(make_kit(gett_api_url=f"https://127.0.0.1:{proxy.port}"))
    finally:
        proxy.close()
    assert isinstance(finding, CheckFinding)
    assert (finding.severity, finding.where) == (CheckSeverity.ERROR, "GETT_API_URL")
    assert problem in finding.what
