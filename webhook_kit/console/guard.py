"""Gate in front of every request to the console: somebody is logged in, may do this, and a form is the console's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, Unauthorized

from webhook_kit.console import journal
from webhook_kit.console.context import Visitor, console
from webhook_kit.console.sessions import ConsoleSession
from webhook_kit.logs import logger
from webhook_kit.operations.actor import Actor, Role

__all__ = ["SAFE_METHODS", "admit", "cookie_name", "is_api", "is_secure", "local_target"]

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
    by_token = is_api() and "Authorization" in request.headers
    if unsafe and not by_token:
        _require_own_origin(request)
    g.visitor = None
    if request.endpoint != "static":
        g.visitor = _of_token() if by_token else _of_proxy() or _of_session(request.cookies.get(cookie_name(), ""))
    if is_public:
        return None
    if g.visitor is None:
        if unsafe or is_api():
            raise Unauthorized("log in, or send a valid token: Authorization: Bearer wkc_…")
        return redirect(url_for("login.page", next=request.full_path.rstrip("?")), 303)
    if unsafe:
        _require_form_token(g.visitor)
        if g.visitor.actor.role is not Role.OPERATOR:
            journal.refused(g.visitor.actor, "viewers change nothing")
            raise Forbidden("viewers change nothing; ask an operator")
    return None


def is_api() -> bool:
    """Return True if the current request is for the API."""
    return request.path == "/api" or request.path.startswith("/api/")


def is_secure() -> bool:
    """Return True if browsers reach the console by https."""
    address = console().settings.console_url
    return address.startswith("https://") if address else request.is_secure


def cookie_name(of: str = "console") -> str:
    """Return the name of a cookie. With the prefix, no other host of the domain can set it."""
    return f"__Host-{of}" if is_secure() else of


def local_target(target: str) -> str:
    """Return the path of the console to which a log-in leads: the one that was asked for, or the start page."""
    start = request.script_root + "/"
    path, _, _ = target.partition("?")
    # Browsers take a backslash for a slash, and ignore tabs and line breaks within an address.
    local = target.isascii() and target.isprintable() and "\\" not in target and len(target) <= 2_000
    inside = path.startswith("/") and not path.startswith("//") and ".." not in path.split("/")
    return start + target.removeprefix("/") if local and inside else start


# -- the maker of a request --------------------------------------------------------------------------------------------


def _of_token() -> Visitor | None:
    scheme, _, value = request.headers["Authorization"].partition(" ")
    token = console().tokens.verify(value.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        journal.login_failed("token", "not valid")
        return None
    return Visitor(Actor(token.name, token.role, "api"), "token", "")


def _of_proxy() -> Visitor | None:
    user = console().proxy.user(request)
    if user is None:
        return None
    if not user.trusted:
        journal.refused(None, "the header of the authenticating proxy was not sent by the proxy")
        raise Forbidden("the header with the user's name was not sent by the proxy; see CONSOLE_PROXY_HEADER")
    role = console().lists.role(user.identities)
    if role is None:
        journal.login_failed("proxy", "in none of the lists", user.name)
        raise Forbidden("you are in neither CONSOLE_OPERATORS nor CONSOLE_VIEWERS; ask the people who run the console")
    actor = Actor(user.name, role, "console")
    if console().sessions.is_first_visit(user.name):
        journal.logged_in(actor, "proxy")
    return Visitor(actor, "proxy", f"proxy {user.name}")


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
    return parts.lists.role(session.standing) if parts.oidc else None


# -- forged requests ---------------------------------------------------------------------------------------------------


def _require_own_origin(request: Request) -> None:
    """Refuse a request that a page of another origin makes. Every browser sends one of the two headers."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        problem = "Sec-Fetch-Site is not same-origin"
    elif origin == "null" and site is not None:
        return  # some browsers conceal the origin of a form on a page without a referrer
    elif origin is not None and _origin(origin) != _origin(console().settings.console_url or request.host_url):
        problem = "the Origin is another one; behind a proxy, set CONSOLE_URL"
    elif site is None and origin is None:
        problem = "neither Origin nor Sec-Fetch-Site was sent"
    else:
        return
    journal.refused(None, problem)
    raise Forbidden(f"the request does not come from a page of the console: {problem}")


def _require_form_token(visitor: Visitor) -> None:
    if not visitor.bound_to:
        return
    token = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not console().sessions.is_form_token(token, visitor.bound_to):
        journal.refused(visitor.actor, "the form has not the token of this session")
        raise Forbidden("the form is not of this session; load the page again")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None, None
    return parts.scheme, parts.hostname, port
