"""Pages of the console: one module per group of pages.

A page reads :func:`~webhook_kit.console.context.console` and :func:`~webhook_kit.console.context.current_actor`. It requires a log-in,
and a method that changes something an operator, without a word of its own (:mod:`webhook_kit.console.guard`). Each form carries
``<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">``. A request that a page makes by itself, to refresh what it
shows, carries the header ``X-Console-Poll``, so that it does not keep the session alive; with ``If-None-Match`` it gets 304.
"""

from __future__ import annotations

from flask import Blueprint, render_template

__all__ = ["console_pages"]


def console_pages() -> Blueprint:
    """Return every page that is shown after log-in."""
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def start() -> str:
        return render_template("base.html")

    return pages
