"""Actions of the pages: each says what will happen, asks for the reason, and tells afterwards what happened."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
from flask import Blueprint, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import requires
from webhook_kit.console.guard import is_secure
from webhook_kit.errors import WebhookKitError
from webhook_kit.operations.actor import Role
from webhook_kit.storage.faults import fault

__all__ = ["ActionForm", "FormField", "add_action", "perform", "problem_page", "said"]

_COOKIE = "console_said"
_LONGEST = 1_000
"""Characters of a message; a cookie holds 4,096 bytes."""


@dataclass(frozen=True, slots=True)
class FormField:
    """Input of an action.

    :ivar choices: value and label of each choice; empty: a line of text.
    :ivar suggestions: value and label of texts that are offered.
    """

    name: str
    label: str
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    suggestions: Sequence[tuple[str, str]] = ()
    value: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class ActionForm:
    """Page of an action.

    :ivar consequences: what will happen, one sentence each.
    :ivar button: what the button says.
    :ivar back: address of the page to which the action belongs.
    :ivar danger: True if the action cannot be undone.
    """

    title: str
    consequences: Sequence[str]
    button: str
    back: str
    fields: Sequence[FormField] = ()
    danger: bool = False


def add_action(
    pages: Blueprint, path: str, name: str, view: Callable[..., ResponseReturnValue], **defaults: object
) -> None:
    """Add the page of an action, which only operators see."""
    guarded = cast("Callable[..., ResponseReturnValue]", requires(Role.OPERATOR)(view))
    pages.add_url_rule(path, name, guarded, methods=["GET", "POST"], defaults=defaults)


def perform(form: ActionForm, act: Callable[[str], str], then: Callable[[], str] | None = None) -> ResponseReturnValue:
    """Show the page of an action, or take the action when its form was sent.

    :param act: takes the action with the reason that the person gave, and returns what happened.
    :param then: returns the address to which it leads; None: back.
    """
    if request.method != "POST":
        return _page(form)
    why = " ".join(request.form.get("why", "").split())
    if not why:
        return _page(form, "Say why, in a few words: your colleagues read it in the audit log.", 422)
    try:
        message = act(why)
    except WebhookKitError as error:
        return _page(form, f"Nothing was done: {error}.", 409)
    except redis.RedisError as error:
        return _page(form, f"It is not certain that it was done: {fault(error).advice}. Check, then try again.", 503)
    return _say(message, then() if then else form.back)


def said() -> dict[str, Any]:
    """Return what the last action has done, for the next page that is shown."""
    raw = request.cookies.get(_COOKIE, "")
    if not raw or "X-Console-Poll" in request.headers or request.endpoint == "static":
        return {"said": None}
    g.forget_said = True
    try:
        message = json.loads(base64.urlsafe_b64decode(raw))
    except (ValueError, RecursionError):
        message = None
    return {"said": message if isinstance(message, str) else None}


def problem_page(title: str, detail: str, status: int) -> ResponseReturnValue:
    """Return a page that says why there is nothing to show."""
    return render_template("error.html", title=title, detail=f"{detail}."), status


def _say(message: str, target: str) -> ResponseReturnValue:
    response = redirect(target, 303)
    value = base64.urlsafe_b64encode(json.dumps(message[:_LONGEST]).encode()).decode()
    response.set_cookie(_COOKIE, value, max_age=60, httponly=True, secure=is_secure(), samesite="Strict", path="/")
    return response


def _page(form: ActionForm, problem: str = "", status: int = 200) -> ResponseReturnValue:
    typed = request.form if request.method == "POST" else request.args
    return make_response(render_template("action.html", form=form, problem=problem, typed=typed), status)
