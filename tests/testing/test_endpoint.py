"""Conformance test of an endpoint that does not answer as the protocol says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.tcp_server import FakeServer, Serve, trickling
from webhook_kit.testing import endpoint
from webhook_kit.testing.endpoint import certify_endpoint
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.report import RuleOutcome

ORDER = {"cart": {"storeId": "s", "lineItems": [{"itemId": "cola"}]}}


@pytest.fixture
def serve() -> Any:
    """Start a server that answers every request with a status and headers, and records the paths."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, **headers: str) -> tuple[str, list[str]]:
        received: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                received.append(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", received

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def passed(url: str) -> list[str]:
    results = certify_endpoint(url, "secret", ORDER).results
    return [result.name for result in results if result.outcome is RuleOutcome.PASSED]


def test_signed_requests_do_not_follow_a_redirect(serve: Any) -> None:
    elsewhere, received = serve(401)
    url, _ = serve(307, Location=elsewhere)
    assert passed(url) == []
    assert received == []


@pytest.mark.parametrize("status", [401, 403])
def test_endpoint_that_rejects_everything_passes_no_rule(status: int, serve: Any) -> None:
    url, _ = serve(status)
    assert passed(url) == []


def test_answer_that_trickles_fails_the_rule_at_the_deadline(
    start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_TIMEOUT", 0.2)
    started = time.monotonic()
    assert passed(start_server(trickling(b"HTTP/1.1 401 No\r\n\r\n")).url) == []
    assert time.monotonic() - started < PATIENCE
