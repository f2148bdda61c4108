"""The console is an application at its path, beside the webhooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from werkzeug.test import Client

from tests.console.console_client import ConsoleClient
from tests.executed_lines import executed_lines
from webhook_kit.console.app import mounted
from webhook_kit.kit import Kit


def path_of(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [])
    return [(environ["SCRIPT_NAME"] + "|" + environ["PATH_INFO"]).encode()]


@pytest.mark.parametrize("path", ["/", "/consoles", "/x/console/", "/consol%65x", "/v1/validateOrder"])
def test_every_other_path_is_passed_on(path: str, make_kit: Callable[..., Kit]) -> None:
    http = Client(mounted(path_of, make_kit(console_passwords=True)))
    assert http.get(path).text == f"|{path.replace('%65', 'e')}"


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/login?next=/", "/consol%65/login"])
def test_the_console_is_at_its_path(path: str, console: ConsoleClient) -> None:
    assert "default-src" in console.http.get(path).headers["Content-Security-Policy"]


def test_a_path_of_slashes_costs_no_more_than_another(console: ConsoleClient) -> None:
    console.get("/login")
    few, many = (executed_lines(partial(console.http.get, "/x" + "/" * number)) for number in (10, 10_000))
    assert many < few + 100
