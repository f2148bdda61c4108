"""Record of log-ins and refusals: a log line and an entry of the audit log each."""

from __future__ import annotations

from flask import request

from webhook_kit.console.context import console
from webhook_kit.logs import logger
from webhook_kit.operations import audit
from webhook_kit.operations.actor import Actor, Role

__all__ = ["logged_in", "logged_out", "login_failed", "refused"]

log = logger("console")

_NOBODY = Actor("unknown", Role.VIEWER, "console")


def logged_in(actor: Actor, way: str) -> None:
    """Record a log-in."""
    log.info("console_logged_in", actor=actor.name, role=actor.role.value, way=way)
    audit.record(console().kit, actor, "log_in", actor.name, f"{way}, {actor.role.value}")


def login_failed(way: str, why: str, name: str | None = None) -> None:
    """Record a log-in that failed.

    :param name: of a user that exists. What somebody typed is never recorded: it may be a password.
    """
    address = request.remote_addr or ""
    log.warning("console_login_failed", address=address, way=way, why=why, actor=name)
    if console().throttle.worth_recording():
        actor = Actor(name, Role.VIEWER, "console") if name else _NOBODY
        audit.record(console().kit, actor, "log_in", address, way, why)


def logged_out(actor: Actor) -> None:
    """Record a log-out."""
    log.info("console_logged_out", actor=actor.name)
    audit.record(console().kit, actor, "log_out", actor.name, "")


def refused(actor: Actor | None, why: str) -> None:
    """Record a request that would have changed something and was refused."""
    log.warning("console_request_refused", actor=actor and actor.name, endpoint=request.endpoint, why=why)
    if actor is not None or console().throttle.worth_recording():
        audit.record(console().kit, actor or _NOBODY, "request", request.endpoint or "", "", f"refused: {why}")
