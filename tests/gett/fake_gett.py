from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk_test_Geheim/42"


@dataclass
class ReceivedRequest:
    method: str
    path: str
    headers: Message
    body: bytes
    connection: int


@dataclass
class FakeGett:
    """A loopback server with a configurable response that records its requests."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    received: list[ReceivedRequest] = field(default_factory=list)
    close_connections: bool = False
    silent: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def problem(self, status: int, **members: Any) -> None:
        self.status, self.body = status, json.dumps({"status": status, "title": "No", **members}).encode()


@contextmanager
def serve() -> Iterator[FakeGett]:
    """Serve a fake Gett on any free port during the block."""
    fake = FakeGett()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.received.append(ReceivedRequest(self.command, self.path, self.headers, body, self.client_address[1]))
            if fake.silent:
                fake.done.wait()
            if fake.silent or fake.close_connections:
                self.close_connection = True
                return
            self.send_response(fake.status)
            for name, value in fake.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(fake.body)))
            self.end_headers()
            self.wfile.write(fake.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        fake.done.set()
        server.shutdown()
        thread.join()
