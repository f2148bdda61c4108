"""An HTTP server that gives prepared responses and records its requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from webhook_kit import Store

SECRET = "one-long-secret-of-the-store"
STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"


@dataclass
class ReceivedRequest:
    call: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class ScriptedPos:
    url: str
    responses: dict[str, tuple[int, Any]] = field(default_factory=dict)
    received: list[ReceivedRequest] = field(default_factory=list)

    def store(self, id: str = "main", **options: Any) -> Store:
        return Store(
            id=id,
            gett_id=STORE_ID,
            adapter="http",
            credentials={"secret": SECRET},
            options={"base_url": self.url, **options},
        )


@contextmanager
def scripted_pos() -> Iterator[ScriptedPos]:
    """``pos.responses["GET /status"] = 200, {"state": "open"}``; a call without a response gets 404."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            pos.received.append(ReceivedRequest(f"{self.command} {self.path}", headers, raw))
            status, content = pos.responses.get(f"{self.command} {self.path.partition('?')[0]}", (404, None))
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = respond  # noqa: N815 - the server's names

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pos = ScriptedPos(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield pos
    finally:
        server.shutdown()
        server.server_close()
