"""Parts of the console that a request needs, and the person who makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from flask import current_app, g
from werkzeug.exceptions import Forbidden

from webhook_kit.console.access import AllowLists
from webhook_kit.console.api_tokens import ApiTokens
from webhook_kit.console.proxy import AuthenticatingProxy
from webhook_kit.console.sessions import ConsoleSessions
from webhook_kit.console.throttle import LoginThrottle
from webhook_kit.console.users import ConsoleUsers
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.settings import Settings

if TYPE_CHECKING:
    from webhook_kit.console.oidc import OpenIdLogin

__all__ = ["ConsoleContext", "Visitor", "console", "csrf_token", "current_actor", "public", "requires", "visitor"]

_View = TypeVar("_View", bound=Callable[..., object])


class ConsoleContext:
    """Parts of the console of one process."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.settings = kit.settings
        self.lists = AllowLists(kit.settings)
        self.users = ConsoleUsers(kit.redis, kit.keys)
        self.sessions = ConsoleSessions(kit.redis, kit.keys, kit.settings)
        self.tokens = ApiTokens(kit.redis, kit.keys)
        self.throttle = LoginThrottle(kit.redis, kit.keys)
        self.proxy = AuthenticatingProxy(kit.settings)
        self.oidc = _open_id_login(kit.settings) if kit.settings.console_oidc_issuer else None


def _open_id_login(settings: Settings) -> OpenIdLogin:
    try:
        from webhook_kit.console.oidc import OpenIdLogin  # here: Authlib is an extra
    except ImportError as error:
        raise ConfigurationError(
            f"CONSOLE_OIDC_ISSUER: {error.name} is not installed; install the extra `console`: pip install 'webhook-kit[console]'"
        ) from error
    return OpenIdLogin(settings)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The maker of the current request.

    :ivar bound_to: text to which form tokens are bound; empty for a token of the API, which no browser sends by itself.
    """

    actor: Actor
    way: str
    bound_to: str


def console() -> ConsoleContext:
    """Return the parts of the current application."""
    context: ConsoleContext = current_app.extensions["console"]
    return context


def visitor() -> Visitor | None:
    """Return the maker of the current request; None if nobody is logged in."""
    found: Visitor | None = g.get("visitor")
    return found


def current_actor() -> Actor:
    """Return the person who makes the current request. Every page but the public ones has one.

    :raises Forbidden: nobody is logged in.
    """
    found = visitor()
    if found is None:
        raise Forbidden("nobody is logged in")
    return found.actor


def csrf_token() -> str:
    """Return the token for the hidden field ``csrf_token`` of a form, or the header ``X-CSRF-Token``."""
    found = visitor()
    return console().sessions.form_token(found.bound_to) if found and found.bound_to else ""


def public(view: _View) -> _View:
    """Let everybody see a page. All others require a log-in, and every unsafe method an operator."""
    view.public = True  # type: ignore[attr-defined]
    return view


def requires(role: Role) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return a decorator of a page that only this role may see."""

    def decorate(view: Callable[..., object]) -> Callable[..., object]:
        @wraps(view)
        def guarded(*arguments: object, **named: object) -> object:
            if role is Role.OPERATOR and current_actor().role is not Role.OPERATOR:
                raise Forbidden("this page is for operators")
            return view(*arguments, **named)

        return guarded

    return decorate
