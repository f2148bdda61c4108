"""Check of PUBLIC_URL, against real web applications."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.tls_redis import TlsProxy, make_certificate
from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.operations.checks.public_url import check_public_url

MakeKit = Callable[..., Kit]


@pytest.fixture(autouse=True)
def _quiet(events: list[Any]) -> None:
    """Keep the log lines of these tests out of the output."""


@contextmanager
def served(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def check(kit: Kit, make_kit: MakeKit, url: str) -> list[CheckFinding]:
    return list(check_public_url(make_kit(key_prefix=kit.keys.prefix, public_url=url)))


def test_address_of_this_installation_has_no_finding(kit: Kit, make_kit: MakeKit) -> None:
    with served(create_app(kit)) as port:
        assert check(kit, make_kit, f"http://127.0.0.1:{port}") == []


def test_address_of_another_installation_is_a_warning(kit: Kit, make_kit: MakeKit) -> None:
    with served(create_app(make_kit())) as port:
        (finding,) = check(kit, make_kit, f"http://127.0.0.1:{port}")
    assert (finding.severity, finding.where) == (CheckSeverity.WARNING, "PUBLIC_URL")
    assert "another installation" in finding.what


def test_address_of_another_program_is_a_warning(kit: Kit, make_kit: MakeKit) -> None:
    app = Flask("other")
    with served(app) as port:
        (finding,) = check(kit, make_kit, f"http://127.0.0.1:{port}")
        assert "healthz answers 404" in finding.what
    for path in ("healthz", "readyz"):
        app = Flask("other")
        for known in ("healthz", "readyz"):
            app.add_url_rule(f"/{known}", known, lambda body=f"[{path!r}]": body)
    with served(app) as port:
        (finding,) = check(kit, make_kit, f"http://127.0.0.1:{port}")
        assert "another program" in finding.what


def test_address_that_does_not_answer_yet_is_a_warning(kit: Kit, make_kit: MakeKit) -> None:
    (finding,) = check(kit, make_kit, "http://127.0.0.1:1")
    assert finding.severity is CheckSeverity.WARNING
    assert "at the first deployment" in finding.advice


def test_missing_address_is_worth_knowing(kit: Kit) -> None:
    (finding,) = check_public_url(kit)
    assert finding.severity is CheckSeverity.INFO


@pytest.mark.parametrize(
    ("options", "problem"),
    [({}, "self-signed"), ({"days": -1}, "expired"), ({"host": "pos.example.org"}, "another host")],
)
def test_trouble_with_the_certificate_is_named(
    options: dict[str, Any],
    problem: str,
    kit: Kit,
    make_kit: MakeKit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate = make_certificate(tmp_path, **options)
    if options:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with served(create_app(kit)) as port:
        proxy = TlsProxy(certificate, port)
        try:
            (finding,) = check(kit, make_kit, f"https://127.0.0.1:{proxy.port}")
        finally:
            proxy.close()
    assert finding.where == "PUBLIC_URL"
    assert problem in finding.what
