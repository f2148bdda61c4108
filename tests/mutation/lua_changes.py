"""Changes of a Lua script, found in its tokens: comparisons, numbers, ``and``/``or``, conditions, statements, arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.mutation.mutants import Change

__all__ = ["lua_changes"]

_TOKEN = re.compile(
    rb"""
    (?P<comment> --\[\[.*?\]\] | --[^\n]* ) | (?P<space> \s+ )
  | (?P<string> '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | \[\[.*?\]\] )
  | (?P<number> \d+(?:\.\d+)?(?:e\d+)? ) | (?P<name> [A-Za-z_]\w* )
  | (?P<mark> == | ~= | <= | >= | \.\.\.? | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_SWAPPED = {
    b"<": b"<=", b"<=": b"<", b">": b">=", b">=": b">", b"==": b"~=", b"~=": b"==",
    b"and": b"or", b"or": b"and", b"true": b"false", b"false": b"true", b"+": b"-", b"*": b"/", b"/": b"*",
    b"min": b"max", b"max": b"min",
}  # fmt: skip
_KEYWORDS = frozenset(
    b"and break do else elseif end false for function if in local nil not or repeat return then true until while".split()
)
_OPENS_BLOCK, _ENDS_BLOCK = (
    frozenset((b"do", b"then", b"function", b"repeat")),
    frozenset((b"end", b"else", b"elseif", b"until")),
)
_ANY_ORDER = frozenset((b"'HDEL'", b"'EXISTS'", b"'DEL'"))
"""Commands whose last arguments may stand in any order."""
_BEFORE_STATEMENT = frozenset((b"then", b"do", b"else", b"repeat", b"end", b";"))
_OPEN, _CLOSE = frozenset(b"([{".decode()), frozenset(b")]}".decode())


class _Token(NamedTuple):
    kind: str
    text: bytes
    start: int
    end: int
    first: bool
    """True for the first token of a line."""
    depth: int
    """Number of brackets around it."""


def lua_changes(source: bytes) -> Iterator[Change]:
    """Yield the changes of a script."""
    tokens = _tokens(source)
    unit = (0, len(source))
    for index, token in enumerate(tokens):
        for start, end, new in (*_token_changes(tokens, index), *_statement_changes(tokens, index)):
            yield Change(start, end, new, "", unit)
        if (
            token.text == b"("
            and index
            and tokens[index - 1].kind == "name"
            and tokens[index - 1].text not in _KEYWORDS
        ):
            for start, end, new in _swapped_arguments(source, tokens, index):
                yield Change(start, end, new, "", unit)


def _tokens(source: bytes) -> list[_Token]:
    tokens: list[_Token] = []
    first, depth = True, 0
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "", match[0]
        if kind in ("space", "comment"):
            first = first or b"\n" in text
            continue
        depth -= text.decode() in _CLOSE
        tokens.append(_Token(kind, text, match.start(), match.end(), first, depth))
        depth += text.decode() in _OPEN
        first = False
    return tokens


def _token_changes(tokens: list[_Token], index: int) -> Iterator[tuple[int, int, bytes]]:
    _, text, start, end, *_ = tokens[index]
    before = tokens[index - 1].text if index else b""
    if tokens[index].kind == "string":
        return
    if tokens[index].kind == "number":
        number = float(text) if b"." in text or b"e" in text else int(text)
        steps = (1,) if before == b"[" else (1, -1)
        yield from ((start, end, f"({number + step})".encode()) for step in steps)
    elif (
        text == b"-"
        and (before in (b")", b"]") or tokens[index - 1].kind in ("name", "number"))
        and before not in _KEYWORDS
    ):
        yield start, end, b"+"
    elif text == b"not":
        yield start, end, b""
    elif text in (b"if", b"elseif", b"while"):
        close = next(at for at in range(index, len(tokens)) if tokens[at].text in (b"then", b"do"))
        condition = tokens[index + 1 : close]
        texts = {token.text for token in condition}
        if texts & {b"and", b"or"} or not texts & {b"==", b"~=", b"not"}:  # those are turned anyway
            yield end, tokens[close].start, b" not (" + b" ".join(token.text for token in condition) + b") "
    elif text in _SWAPPED and not (text in (b"min", b"max") and before != b"."):
        yield start, end, _SWAPPED[text]


def _statement_changes(tokens: list[_Token], index: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the removal of the call, assignment or return that begins with a token."""
    token = tokens[index]
    begins = token.first or tokens[index - 1].text in _BEFORE_STATEMENT
    if token.depth or not begins or token.kind != "name":
        return
    if token.text in (b"return", b"break"):
        yield token.start, _end_of_block(tokens, index), b""
    elif token.text not in _KEYWORDS:
        end = _end_of_statement(tokens, index)
        statement = tokens[index:end]
        if statement[-1].text == b")" or any(each.text == b"=" and not each.depth for each in statement):
            yield token.start, statement[-1].end, b""


def _end_of_block(tokens: list[_Token], index: int) -> int:
    nested = 0
    for token in tokens[index:]:
        if not nested and token.text in _ENDS_BLOCK:
            return token.start
        nested += (token.text in _OPENS_BLOCK) - (token.text in (b"end", b"until"))
    return tokens[-1].end


def _end_of_statement(tokens: list[_Token], index: int) -> int:
    """Return the index after the statement; a statement ends with its line, unless a bracket is open or an operator goes on."""
    at = index + 1
    while at < len(tokens):
        token = tokens[at]
        goes_on = token.depth or token.text in (b"and", b"or", b"..", b"+", b"-", b"*", b"/", b")", b"]", b"}")
        if not goes_on and (token.first or token.text in _ENDS_BLOCK):
            break
        at += 1
    return at


def _swapped_arguments(source: bytes, tokens: list[_Token], index: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield a call with its last two arguments swapped; the name of a Redis command stays where it is."""
    depth, starts = tokens[index].depth + 1, [index + 1]
    at = index + 1
    while not (tokens[at].text == b")" and tokens[at].depth == depth - 1):
        if tokens[at].text == b"," and tokens[at].depth == depth:
            starts.append(at + 1)
        at += 1
    if tokens[index - 1].text == b"call" or tokens[index - 2].text == b"function":
        starts = starts[1:] if tokens[index - 1].text == b"call" else []
    if len(starts) < 2 or tokens[index - 1].text in (b"min", b"max") or tokens[index + 1].text in _ANY_ORDER:
        return
    one, other = starts[-2:]
    first = source[tokens[one].start : tokens[other - 2].end]
    second = source[tokens[other].start : tokens[at - 1].end]
    if first != second and second != b"...":
        yield tokens[one].start, tokens[at - 1].end, second + b", " + first
