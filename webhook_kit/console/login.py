"""Pages to log in and out."""

from __future__ import annotations

import time

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from webhook_kit.console.context import console, public, visitor
from webhook_kit.console.guard import cookie_name, is_secure, local_target
from webhook_kit.console.sessions import ConsoleSession
from webhook_kit.logs import logger

__all__ = ["login_pages", "start_session"]

log = logger("console")


def login_pages() -> Blueprint:
    """Return ``/login`` and ``/logout``."""
    pages = Blueprint("login", __name__)
    pages.add_url_rule("/login", "page", page)
    pages.add_url_rule("/login", "with_password", with_password, methods=["POST"])
    pages.add_url_rule("/logout", "out", log_out, methods=["POST"])
    return pages


@public
def page() -> ResponseReturnValue:
    """Return the page with every configured way to log in."""
    if visitor():
        return redirect(local_target(request.args.get("next", "")), 303)
    return _page(request.args.get("next", ""))


@public
def with_password() -> ResponseReturnValue:
    """Log a user of ``webhook-kit console add-user`` in."""
    name, password, target = (request.form.get(field, "") for field in ("name", "password", "next"))
    parts, address = console(), request.remote_addr or ""
    if not parts.settings.console_passwords:
        return _page(target, "Passwords are not a way to log in here.", 403)
    if wait := parts.throttle.wait(address, name):
        log.warning("console_login_refused", address=address, why="too many attempts")
        refused = make_response(_page(target, f"Too many attempts. Try again in {-(-wait // 60)} minutes.", 429))
        refused.headers["Retry-After"] = str(wait)
        return refused
    user = parts.users.verify(name, password)
    if user is None:  # neither name nor password is logged: one may have been typed for the other
        log.warning("console_login_failed", address=address, way="password")
        return _page(target, "The name or the password is wrong.", 403)
    parts.throttle.forget(address, name)
    session = ConsoleSession(user.name, user.role, "password", [user.standing], time.time())
    return start_session(session, target)


def start_session(session: ConsoleSession, target: str) -> BaseResponse:
    """Begin a session in place of the browser's old one, and lead to the page that was asked for."""
    sessions = console().sessions
    sessions.end(request.cookies.get(cookie_name(), ""))
    response = redirect(local_target(target), 303)
    response.set_cookie(
        cookie_name(), sessions.begin(session), httponly=True, secure=is_secure(), samesite="Lax", path="/"
    )
    log.info("console_logged_in", actor=session.name, role=session.role.value, way=session.way)
    return response


@public
def log_out() -> ResponseReturnValue:
    """End the session."""
    response = redirect(url_for("login.page"), 303)
    if found := visitor():
        console().sessions.end(request.cookies.get(cookie_name(), ""))
        log.info("console_logged_out", actor=found.actor.name)
    response.delete_cookie(cookie_name(), httponly=True, secure=is_secure(), samesite="Lax", path="/")
    return response


def _page(target: str, problem: str = "", status: int = 200) -> tuple[str, int]:
    settings = console().settings
    shown = render_template(
        "login.html",
        next=target[:2_000],
        problem=problem,
        passwords=settings.console_passwords,
        oidc=settings.console_oidc_issuer is not None,
    )
    return shown, status
