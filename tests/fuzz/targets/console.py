"""Requests to the console, its API and the local Gett: paths, queries, forms and bodies, by somebody who is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import MARK, Surroundings
from tests.fuzz.targets.webhooks import request_of
from webhook_kit.console.app import PATH
from webhook_kit.console.sessions import ConsoleSessions

__all__ = ["NAMES", "targets"]

NAMES = ("console_request", "sandbox_request")


def targets(surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    yield Target("console_request", partial(_console, surroundings), parts=2, most=64_000, per_byte=50, fixed=300)
    yield Target("sandbox_request", partial(_sandbox, surroundings), parts=2, per_byte=20, fixed=100)


def _console(surroundings: Surroundings, data: bytes) -> int:
    kit = surroundings.kit
    method, target, headers, body = request_of(data)
    token = ConsoleSessions(kit.redis, kit.keys, kit.settings).form_token("proxy jo")
    log_in = [("X-User", "jo"), ("X-CSRF-Token", token), ("Sec-Fetch-Site", "same-origin")]
    answer = surroundings.request(method, f"{PATH}/{target.lstrip('/')}", [*log_in, *headers], body)
    if answer.type == "application/json":
        answer.json()
    elif answer.type == "application/problem+json":
        answer.require_problem({"type", "title", "status", "detail"})
    elif f"<{MARK}".encode() in answer.body:
        raise Fault("a text of the request is written as HTML")
    return len(answer.body)


def _sandbox(surroundings: Surroundings, data: bytes) -> int:
    method, target, headers, body = request_of(data)
    if not target.startswith("/v1/"):
        return 0  # the control API delays answers on request
    key = ("Authorization", f"Bearer {surroundings.sandbox.api_key}")
    answer = surroundings.request(method, target, [key, *headers], body, surroundings.sandbox_app)
    if answer.type == "application/json":
        answer.json()
    return len(answer.body)
