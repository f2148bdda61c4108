"""Pages of the console: one module per group of pages.

A page reads :func:`~webhook_kit.console.context.console` and :func:`~webhook_kit.console.context.current_actor`. It requires a log-in,
and a method that changes something an operator, without a word of its own (:mod:`webhook_kit.console.guard`). Each form carries
``<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">``. A request that a page makes by itself, to refresh what it
shows, carries the header ``X-Console-Poll``, so that it does not keep the session alive; with ``If-None-Match`` it gets 304.

Every page has an address to send to a colleague: what it is about and every filter stand in the query, because an id of Gett or of a
POS may have any character. An action has a page of its own, which says what will happen and asks for the reason
(:mod:`webhook_kit.console.pages.acting`).
"""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webhook_kit.console.pages import (
    acting,
    alerts,
    catalogs,
    dead_letters,
    graphs,
    health,
    incidents,
    order_actions,
    orders,
    records,
    sending,
    stores,
    words,
)
from webhook_kit.errors import InvalidArgument, NotFound, StoresUnavailable

__all__ = ["console_pages"]


def console_pages() -> Blueprint:
    """Return every page that is shown after log-in."""
    pages = Blueprint("pages", __name__)
    words.register(pages)
    pages.app_context_processor(acting.said)
    for module in (
        health,
        orders,
        order_actions,
        alerts,
        incidents,
        dead_letters,
        stores,
        catalogs,
        records,
        sending,
        graphs,
    ):
        module.register(pages)
    pages.register_error_handler(NotFound, _not_found)
    pages.register_error_handler(InvalidArgument, _unreadable)
    pages.register_error_handler(StoresUnavailable, _unavailable)
    return pages


def _not_found(error: Exception) -> ResponseReturnValue:
    return acting.problem_page("This does not exist (any more)", str(error), 404)


def _unreadable(error: Exception) -> ResponseReturnValue:
    return acting.problem_page("This address has a mistake", str(error), 400)


def _unavailable(error: Exception) -> ResponseReturnValue:
    return acting.problem_page("The stores cannot be read now", str(error), 503)
