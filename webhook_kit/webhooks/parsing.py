"""From raw bytes to a model: size, lexical limits, then pydantic, with every mistake named by its JSON path.

The raw bytes are taken first and proven authentic before anything here reads them.
"""

from __future__ import annotations

import json
import re
from typing import TypeVar

import pydantic
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse", "raw_body"]

MAX_BYTES = 1024 * 1024
_PIECE = 16 * 1024
MAX_DEPTH = 32
"""Nesting of JSON, which also bounds how deep modifiers nest."""

# Possessive, and the closing quote optional: a string without an end is read once, not once for every quote in it.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{40}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

W = TypeVar("W", bound=Wire)


def raw_body(request: Request) -> bytes:
    """The bytes as they came.

    :raises Problem: 415 when they are compressed, 413 when there are more than :data:`MAX_BYTES`.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(ErrorCode.INVALID_REQUEST, "Content-Encoding is not accepted: send the body as it is", status=415)
    too_large = Problem(ErrorCode.INVALID_REQUEST, f"the body is larger than {MAX_BYTES} bytes", status=413)
    if (request.content_length or 0) > MAX_BYTES:
        raise too_large
    body = bytearray()
    try:
        # Chunked bodies carry no length, and a server may hand over less than it was asked for: read until there is no
        # more, or more than allowed. In small pieces, because room for what is asked for is made beforehand.
        while piece := request.stream.read(_PIECE):
            body += piece
            if len(body) > MAX_BYTES:
                raise too_large
            if len(body) == request.content_length:
                break
    except RequestEntityTooLarge:
        raise too_large from None
    return bytes(body)


def parse(model: type[W], raw: bytes) -> W:
    """Read a webhook's body.

    :raises Problem: 400 when it is no JSON object we would touch, 422 with every mistake when its shape is wrong.
    """
    _check_text(raw)
    try:
        return model.from_json(raw)
    except pydantic.ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    if mistakes[0]["type"] == "json_invalid":
        raise _unreadable(f"the body is not JSON: {mistakes[0]['msg'].removeprefix('Invalid JSON: ')}")
    if not mistakes[0]["loc"] and mistakes[0]["type"] == "model_type":
        raise _unreadable("the body is not a JSON object")
    errors = [
        ValidationError(
            code=ErrorCode.INVALID_REQUEST,
            message=mistake["msg"].removeprefix("Value error, "),
            json_path=_json_path(mistake["loc"]),
        )
        for mistake in mistakes
    ]
    raise Problem(ErrorCode.VALIDATION_FAILED, _summary(errors), errors=errors)


def _check_text(raw: bytes) -> None:
    """What JSON allows but an order never holds. Without its strings, a document shows all of it."""
    skeleton = _STRING.sub(b"", raw)
    if b"N" in skeleton or b"I" in skeleton:
        raise _unreadable("NaN and Infinity are no JSON")
    if _LONG_NUMBER.search(skeleton):
        raise _unreadable("a number has more than 40 digits")
    brackets = skeleton.translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round takes the innermost layer off, and only that
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if brackets and _balanced(raw):
        raise _unreadable(f"the body nests deeper than {MAX_DEPTH}")
    if b"\\u0000" in raw and _NUL.search(raw):
        raise _unreadable("NUL characters are not accepted")


def _balanced(raw: bytes) -> bool:
    """Whether leftover brackets mean depth; else the JSON parser has better words for what is wrong."""
    try:
        json.loads(raw)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _unreadable(detail: str) -> Problem:
    return Problem(ErrorCode.INVALID_REQUEST, detail)


def _summary(errors: list[ValidationError]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0].json_path}: {errors[0].message}{more}"


def _json_path(location: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
