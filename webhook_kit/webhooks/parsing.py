"""Parsing of a webhook's body: size, lexical limits, then pydantic, with every mistake named by its JSON path.

The raw body is read first, and its signature is verified before it is parsed.
"""

from __future__ import annotations

import json
import re
from typing import TypeVar

import pydantic
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse", "raw_body"]

MAX_BYTES = 1024 * 1024
_CHUNK = 16 * 1024
MAX_DEPTH = 32
"""Nesting of JSON, which also bounds the nesting of modifiers."""

_LISTED = 100
"""Mistakes of a body that are listed. A body of 1 MB can have 340,000, whose list would have 33 MB."""

_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_BRACES_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{40}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

W = TypeVar("W", bound=Wire)


def raw_body(request: Request) -> bytes:
    """Return the body as it was sent.

    :raises Problem: 415 when it is compressed, 413 when it has more than :data:`MAX_BYTES`.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(ErrorCode.INVALID_REQUEST, "Content-Encoding is not accepted: send the body as it is", status=415)
    length = request.content_length
    if (length or 0) > MAX_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        stream = request.stream
        # Chunked bodies have no length, and a server may return less than was asked for: read until there is no more,
        # or more than allowed. In small chunks, because the memory for each read is allocated beforehand.
        while chunk := stream.read(_CHUNK):
            body += chunk
            if len(body) > MAX_BYTES:
                raise _too_large()
            if len(body) == length:
                break
    except RequestEntityTooLarge:
        raise _too_large() from None
    return bytes(body)


def parse(model: type[W], raw: bytes) -> W:
    """Parse a webhook's body.

    :raises Problem: 400 when it is not an acceptable JSON object, 422 with its mistakes when its shape is wrong.
    """
    _check_lexical_limits(raw)
    try:
        return model.from_json(raw)
    except pydantic.ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    if mistakes[0]["type"] == "json_invalid":
        raise _invalid(f"the body is not JSON: {mistakes[0]['msg'].removeprefix('Invalid JSON: ')}")
    if not mistakes[0]["loc"] and mistakes[0]["type"] == "model_type":
        raise _invalid("the body is not a JSON object")
    errors = [
        ValidationError(
            code=ErrorCode.INVALID_REQUEST,
            message=mistake["msg"].removeprefix("Value error, "),
            json_path=_json_path(mistake["loc"]),
        )
        for mistake in mistakes[:_LISTED]
    ]
    raise Problem(ErrorCode.VALIDATION_FAILED, _summary(errors[0], len(mistakes)), errors=errors)


def _check_lexical_limits(raw: bytes) -> None:
    """Reject NaN, long numbers, deep nesting and NUL by scanning the body without its string literals."""
    skeleton = _without_strings(raw)
    if b"N" in skeleton or b"I" in skeleton:
        raise _invalid("NaN and Infinity are not valid JSON")
    if _LONG_NUMBER.search(skeleton):
        raise _invalid("a number has more than 40 digits")
    brackets = skeleton.translate(_BRACES_TO_BRACKETS, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round removes the innermost layer, and only that
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if brackets and _balanced(raw):
        raise _invalid(f"the body nests deeper than {MAX_DEPTH}")
    if b"\\u0000" in raw and _NUL.search(raw):
        raise _invalid("NUL characters are not accepted")


def _without_strings(raw: bytes) -> bytes:
    """Return JSON without its string literals: without escaped quotes, every other quote ends one."""
    return b"".join(raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])


def _balanced(raw: bytes) -> bool:
    """Return True if the brackets left over mean depth; else the JSON parser's message is more precise."""
    try:
        json.loads(raw)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _too_large() -> Problem:
    return Problem(ErrorCode.INVALID_REQUEST, f"the body is larger than {MAX_BYTES} bytes", status=413)


def _invalid(detail: str) -> Problem:
    return Problem(ErrorCode.INVALID_REQUEST, detail)


def _summary(first: ValidationError, mistakes: int) -> str:
    more = f" (and {mistakes - 1} more)" if mistakes > 1 else ""
    return f"{first.json_path}: {first.message}{more}"


def _json_path(location: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
