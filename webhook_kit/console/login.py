"""Pages to log in and out."""

from __future__ import annotations

import time

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from webhook_kit.console import journal
from webhook_kit.console.context import console, public, visitor
from webhook_kit.console.guard import cookie_name, is_secure, local_target
from webhook_kit.console.sessions import ConsoleSession
from webhook_kit.operations.actor import Actor

__all__ = ["login_pages"]

_OIDC_COOKIE = "console-oidc"
_LONGEST_TARGET = 2_000


def login_pages() -> Blueprint:
    """Return ``/login``, ``/login/oidc`` and ``/logout``."""
    pages = Blueprint("login", __name__)
    pages.add_url_rule("/login", "page", _show)
    pages.add_url_rule("/login", "with_password", _with_password, methods=["POST"])
    pages.add_url_rule("/login/oidc", "begin_oidc", _begin_oidc)
    pages.add_url_rule("/login/oidc/callback", "finish_oidc", _finish_oidc)
    pages.add_url_rule("/logout", "out", _log_out, methods=["POST"])
    return pages


@public
def _show() -> ResponseReturnValue:
    """Return the page with every configured way to log in."""
    if visitor():
        return redirect(local_target(request.args.get("next", "")), 303)
    return _page(request.args.get("next", ""))


@public
def _with_password() -> ResponseReturnValue:
    """Log a user of ``webhook-kit console add-user`` in."""
    name, password, target = (request.form.get(field, "") for field in ("name", "password", "next"))
    parts, address = console(), request.remote_addr or ""
    if not parts.settings.console_passwords:
        return _page(target, "Passwords are not a way to log in here.", 403)
    if wait := parts.throttle.wait(address, name):
        return _too_many(target, "password", wait)
    user = parts.users.verify(name, password)
    if user is None:
        known = parts.users.get(name)
        journal.login_failed("password", "wrong name or password", known.name if known else None)
        return _page(target, "The name or the password is wrong.", 403)
    parts.throttle.forget(address, name)
    return _start(ConsoleSession(user.name, user.role, "password", [user.standing], time.time()), target)


@public
def _begin_oidc() -> ResponseReturnValue:
    """Send the browser to the OpenID provider."""
    oidc = console().oidc
    if oidc is None:
        raise NotFound
    from webhook_kit.console.oidc import STATE_SECONDS, OpenIdFailed  # here and below: Authlib is an extra

    target = request.args.get("next", "")[:_LONGEST_TARGET]
    try:
        url, state = oidc.begin(local_target(target).removeprefix(request.script_root))
    except OpenIdFailed as error:
        journal.login_failed("oidc", str(error))
        return _page(target, _sentence(error), 503)
    response = redirect(url, 303)
    response.set_cookie(
        cookie_name(_OIDC_COOKIE), state, STATE_SECONDS, httponly=True, secure=is_secure(), samesite="Lax", path="/"
    )
    return response


@public
def _finish_oidc() -> ResponseReturnValue:
    """Log the user in whom the provider has authenticated."""
    parts = console()
    if parts.oidc is None:
        raise NotFound
    from webhook_kit.console.oidc import OpenIdFailed

    if wait := parts.throttle.wait(request.remote_addr or ""):
        return _too_many("", "oidc", wait)
    try:
        user, target = parts.oidc.finish(dict(request.args.items()), request.cookies.get(cookie_name(_OIDC_COOKIE), ""))
    except OpenIdFailed as error:
        journal.login_failed("oidc", str(error))
        return _page("", _sentence(error), 403)
    role = parts.lists.role(user.identities)
    if role is None:
        journal.login_failed("oidc", "in none of the lists", user.name)
        return _page("", f"{user.name} may not use this console. Ask the people who run it.", 403)
    session = ConsoleSession(user.name, role, "oidc", parts.lists.listed(user.identities), time.time())
    response = _start(session, target)
    response.delete_cookie(cookie_name(_OIDC_COOKIE), httponly=True, secure=is_secure(), samesite="Lax", path="/")
    return response


@public
def _log_out() -> ResponseReturnValue:
    """End the session."""
    response = redirect(url_for("login.page"), 303)
    if found := visitor():
        console().sessions.end(request.cookies.get(cookie_name(), ""))
        journal.logged_out(found.actor)
    response.delete_cookie(cookie_name(), httponly=True, secure=is_secure(), samesite="Lax", path="/")
    return response


def _start(session: ConsoleSession, target: str) -> Response:
    """Begin a session in place of the browser's old one, and lead to the page that was asked for."""
    sessions = console().sessions
    sessions.end(request.cookies.get(cookie_name(), ""))
    response = redirect(local_target(target), 303)
    response.set_cookie(
        cookie_name(), sessions.begin(session), httponly=True, secure=is_secure(), samesite="Lax", path="/"
    )
    journal.logged_in(Actor(session.name, session.role, "console"), session.way)
    return response


def _too_many(target: str, way: str, wait: int) -> Response:
    journal.login_failed(way, "too many attempts")
    refused = make_response(_page(target, f"Too many attempts. Try again in {-(-wait // 60)} minutes.", 429))
    refused.headers["Retry-After"] = str(wait)
    return refused


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _page(target: str, problem: str = "", status: int = 200) -> tuple[str, int]:
    parts = console()
    shown = render_template(
        "login.html",
        next=target[:_LONGEST_TARGET],
        problem=problem,
        passwords=parts.settings.console_passwords,
        oidc=parts.oidc is not None,
    )
    return shown, status
