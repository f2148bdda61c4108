"""A browser's requests to a console, without a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from werkzeug.test import Client, TestResponse

from webhook_kit.console.app import mounted
from webhook_kit.console.users import ConsoleUsers
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role

PASSWORD = "correct horse battery"
ORIGIN = "http://localhost"


class ConsoleClient:
    """One browser, with its cookies, at ``/console``."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.http = Client(mounted(_nothing_else, kit))

    def get(self, path: str = "/", **options: Any) -> TestResponse:
        return self.http.get(f"/console{path}", **options)

    def post(self, path: str, data: dict[str, str], **headers: str) -> TestResponse:
        sent = {"Origin": ORIGIN} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(f"/console{path}", data=data, headers={k: v for k, v in sent.items() if v})

    def log_in(self, name: str = "jo", role: Role = Role.OPERATOR, target: str = "") -> TestResponse:
        """Add a user, and log in."""
        ConsoleUsers(self.kit.redis, self.kit.keys).add(name, PASSWORD, role)
        return self.post("/login", {"name": name, "password": PASSWORD, "next": target})

    def form_token(self) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get().text)
        assert found
        return found[1]

    @property
    def cookie(self) -> str:
        found = self.http.get_cookie("console")
        return found.value if found else ""

    def use_cookie(self, value: str) -> None:
        self.http.set_cookie("console", value)


def _nothing_else(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
    start_response("404 NOT FOUND", [])
    return [b"not the console"]
