"""The installation to which the fuzzed requests are sent: a real kit, on a real Redis, without a network."""

from __future__ import annotations

import io
import json
from collections.abc import MutableSequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_to_bytes

import werkzeug.test
from flask import Flask

from tests.fuzz.oracle import Fault
from tests.webhooks.webhook_client import PROBLEM_MEMBERS
from webhook_kit.app import create_app
from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.kit import Kit
from webhook_kit.sandbox.app import create_app as create_sandbox
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.state import StoreRecord
from webhook_kit.server.front import _environ
from webhook_kit.settings import Settings

__all__ = ["SECRET", "Answer", "Surroundings"]

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
SECRET = "whsec_test"
MARK = "x-fuzz"
"""Name of an element that no page has: where it is, a text was written as HTML."""

_STORES = f"""
[stores.main]
gett_id = "{STORE_ID}"
adapter = "tests.fuzz.pos:MemoryPos"
[stores."Łódź/1"]
gett_id = "5b0c8f5e-0d3c-4d58-9d0e-0a4a3f0f7c11"
adapter = "webhook_kit_http.adapter:HttpAdapter"
credentials = {{ secret = "{SECRET}" }}
options = {{ base_url = "http://127.0.0.1:1" }}
[stores.odoo]
gett_id = "5b0c8f5e-0d3c-4d58-9d0e-0a4a3f0f7c12"
adapter = "tests.fuzz.targets.pos_events:CannedOdoo"
credentials = {{ api_key = "key", webhook_secret = "{SECRET}" }}
options = {{ url = "http://127.0.0.1:1", point_of_sale = 1, progress_field = "x_progress" }}
[stores.LOCATION1]
gett_id = "5b0c8f5e-0d3c-4d58-9d0e-0a4a3f0f7c13"
adapter = "webhook_kit_square.adapter:SquareAdapter"
credentials = {{ token = "token", webhook_signature_key = "{SECRET}" }}
options = {{ webhook_url = "https://kit.example/pos/square/events" }}
"""

_RUNS_BEFORE_FLUSH = 500


@dataclass(frozen=True)
class Answer:
    """Answer to a request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        """Media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]

    def json(self) -> Any:
        """Return the body as JSON.

        :raises Fault: it is not JSON as everybody reads it.
        """
        try:
            value = json.loads(self.body, parse_constant=_no_constant)
            self.body.decode()
        except ValueError as error:
            raise Fault(f"{self.status} with a body that is not JSON: {error}") from error
        return value

    def require_problem(self, members: AbstractSet[str] = PROBLEM_MEMBERS) -> None:
        """Raise a fault unless the answer is a problem document with these members."""
        if self.type == "text/markdown":
            return
        if self.type != "application/problem+json":
            raise Fault(f"{self.status} as {self.type}")
        document = self.json()
        if missing := members - set(document):
            raise Fault(f"a problem without {', '.join(sorted(missing))}")
        if document["status"] != self.status:
            raise Fault(f"{self.status}, but the problem says {document['status']}")


class Surroundings:
    """Parts of the product that targets use. Each is built when it is first used.

    :param folder: for files of the installation.
    :ivar log: events that the kit has logged; whoever creates the surroundings captures them.
    """

    def __init__(self, redis_url: str, folder: Path, log: MutableSequence[Any]) -> None:
        self.redis_url, self.folder, self.log = redis_url, folder, log
        self._runs = 0

    @cached_property
    def kit(self) -> Kit:
        """Kit with a store for each adapter, and the console behind a proxy."""
        file = self.folder / "stores.toml"
        file.write_text(_STORES, encoding="utf-8")
        values: dict[str, Any] = {
            "redis_url": self.redis_url,
            "redis_timeout": 30.0,
            "pos_deadline": 100.0,
            "webhook_deadline": 120.0,
            "key_prefix": "fuzz:",
            "gett_webhook_secrets": [SECRET],
            "gett_api_key": "key_test",
            "gett_api_url": "http://127.0.0.1:1",
            "stores_file": str(file),
            "order_event_handler": "builtins:repr",
            "console": True,
            "console_proxy_header": "X-User",
            "console_proxy_addresses": ["127.0.0.1"],
            "console_operators": ["jo"],
        }
        return Kit(Settings(**values))

    @cached_property
    def web(self) -> Flask:
        """Application of the webhooks and of the console."""
        return create_app(self.kit)

    @cached_property
    def sandbox(self) -> SandboxContext:
        """State of a local Gett with one store and its catalog. Its webhooks lead nowhere."""
        context = SandboxContext(
            "key_sandbox", options=Options(writes_per_minute=0, reads_per_minute=0, discoveries_per_minute=0)
        )
        context.state.stores[STORE_ID] = StoreRecord(
            store=CommerceStore(store_id=STORE_ID, name="main"), partner_store_id="main"
        )
        return context

    @cached_property
    def sandbox_app(self) -> Flask:
        """Application of the local Gett."""
        return create_sandbox(self.sandbox)

    def request(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, app: Any = None) -> Answer:
        """Have a request answered, as the server passes it on.

        :param app: WSGI application; that of the webhooks and of the console when None.
        :raises Fault: the answer is an error of the server, or shows a stack trace.
        """
        self._flush_sometimes()
        path, _, query = target.partition("?")
        sent = [(name.lower(), value) for name, value in headers]
        scope: Any = SimpleNamespace(
            http_version="1.1",
            server="127.0.0.1:8000",
            client="127.0.0.1:40000",
            scheme="http",
            method=method,
            path=unquote_to_bytes(path).decode(errors="replace"),
            query_string=query,
            authority="localhost",
            headers=SimpleNamespace(items=lambda: sent),
        )
        environ = _environ(scope, body)
        environ["wsgi.errors"] = io.StringIO()
        parts, status, found = werkzeug.test.run_wsgi_app(app or self.web, environ, buffered=True)
        answer = Answer(int(status[:3]), {name.lower(): value for name, value in found}, b"".join(parts))
        if answer.status == 500 or b"Traceback (most recent call last)" in answer.body:
            raise Fault(f"{method} {path[:100]}: {answer.status} {answer.body[:300]!r}")
        return answer

    def _flush_sometimes(self) -> None:
        """Empty Redis now and then, so that a long run does not fill the memory."""
        self._runs += 1
        if self._runs % _RUNS_BEFORE_FLUSH == 0:
            self.kit.redis.flushdb()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
