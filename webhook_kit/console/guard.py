"""Gate in front of every request to the console: somebody is logged in, may do this, and a form is the console's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, Unauthorized

from webhook_kit.console.context import Visitor, console
from webhook_kit.console.sessions import ConsoleSession
from webhook_kit.logs import logger
from webhook_kit.operations.actor import Actor, Role

__all__ = ["SAFE_METHODS", "admit", "cookie_name", "is_secure", "local_target"]

log = logger("console")

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def admit() -> ResponseReturnValue | None:
    """Let the current request in, send a browser to the log-in page, or refuse it.

    :raises Forbidden: the request comes from another site, or the role does not allow it.
    :raises Unauthorized: nobody is logged in, and it is no page that could send a browser to the log-in.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    is_public = request.endpoint == "static" or getattr(view, "public", False)
    unsafe = request.method not in SAFE_METHODS
    if unsafe:
        _require_own_origin(request)
    g.visitor = None if request.endpoint == "static" else _visitor()
    if is_public:
        return None
    if g.visitor is None:
        if unsafe:
            raise Unauthorized("the session has ended; log in again")
        return redirect(url_for("login.page", next=request.full_path.rstrip("?")), 303)
    if unsafe:
        _require_form_token(g.visitor)
        if g.visitor.actor.role is not Role.OPERATOR:
            log.warning("console_request_refused", actor=g.visitor.actor.name, endpoint=request.endpoint, why="viewer")
            raise Forbidden("viewers change nothing; ask an operator")
    return None


def is_secure() -> bool:
    """Return True if browsers reach the console by https."""
    address = console().settings.console_url
    return address.startswith("https://") if address else request.is_secure


def cookie_name() -> str:
    """Return the name of the session's cookie. With the prefix, no other host of the domain can set it."""
    return "__Host-console" if is_secure() else "console"


def local_target(target: str) -> str:
    """Return the path of the console to which a log-in leads: the one that was asked for, or the start page."""
    start = request.script_root + "/"
    path, _, _ = target.partition("?")
    # Browsers take a backslash for a slash, and ignore tabs and line breaks within an address.
    local = target.isascii() and target.isprintable() and "\\" not in target and len(target) <= 2_000
    inside = path.startswith("/") and not path.startswith("//") and ".." not in path.split("/")
    return start + target.removeprefix("/") if local and inside else start


def _visitor() -> Visitor | None:
    return _of_session(request.cookies.get(cookie_name(), ""))


def _of_session(cookie: str) -> Visitor | None:
    # A page that refreshes itself must not keep a session alive for ever.
    session = console().sessions.read(cookie, extend="X-Console-Poll" not in request.headers) if cookie else None
    if session is None:
        return None
    if _role_now(session) is not session.role:
        console().sessions.end(cookie)
        log.info("console_session_ended", actor=session.name, why="the user's role or password has changed")
        return None
    return Visitor(Actor(session.name, session.role, "console"), session.way, cookie)


def _role_now(session: ConsoleSession) -> Role | None:
    """Return the role that today's configuration gives to the user of a session."""
    parts = console()
    if session.way == "password":
        user = parts.users.get(session.name) if parts.settings.console_passwords else None
        return user.role if user and [user.standing] == session.standing else None
    return parts.lists.role(session.standing) if parts.settings.console_oidc_issuer else None


def _require_own_origin(request: Request) -> None:
    """Refuse a request that a page of another origin makes. Every browser sends one of the two headers."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        problem = f"Sec-Fetch-Site is {site[:20]}"
    elif origin is not None and _origin(origin) != _origin(console().settings.console_url or request.host_url):
        problem = "the Origin is another one; behind a proxy, set CONSOLE_URL"
    elif site is None and origin is None:
        problem = "neither Origin nor Sec-Fetch-Site was sent"
    else:
        return
    log.warning("console_request_refused", endpoint=request.endpoint, why=problem)
    raise Forbidden(f"the request does not come from a page of the console: {problem}")


def _require_form_token(visitor: Visitor) -> None:
    if not visitor.bound_to:
        return
    token = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not console().sessions.is_form_token(token, visitor.bound_to):
        log.warning("console_request_refused", actor=visitor.actor.name, endpoint=request.endpoint, why="form token")
        raise Forbidden("the form is not of this session; load the page again")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None, None
    return parts.scheme, parts.hostname, port
