"""Mutation of JSON by its structure. Bytes alone seldom reach what is behind a JSON parser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from random import Random
from typing import Any

__all__ = ["SEPARATOR", "growing", "mutate", "split"]

SEPARATOR = b"\n---\n"


def _words(text: str) -> list[str]:
    return text.split()


_NUMBERS = (
    *_words("0 -0 -1 1 0.1 0.30000000000000004 2.495 1e2 1E-400 1e400 -1e400 1e308 5e-324 NaN Infinity -Infinity"),
    *_words("2147483648 9007199254740993 9223372036854775808 01 +1 .5 1. 0x10 1_000 true false null"),
    *("1" * 39, "1" * 400, "9" * 5_000),
)
_TEXTS = (
    *("", " ", "\0", "\n", "\r\n", "\t", "\x1b[31m", "\x7f", "\u202e", "\u200b", "\ufeff", "\ufffd", "\ud800", "\udfff", "\ud83c"),
    *_words("a 🍕 é e\u0301 ١٢ ² ½ Ⅷ ﬁ İ ß 𝟙 0 -1 1e9 12:00:00 24:00:00 2026-02-30 2026-05-01T18:00:00Z ../.. %00 %ff ' \" \\ `"),
    *_words("0001-01-01T00:00:00+23:59 9999-12-31T23:59:59-23:59 null true __proto__ constructor"),
    *_words("<x-fuzz> {{7*7}} ${7*7} &amp; &#0; =1+1"),
    *("🏴" + "\U000e0067" * 6, "a" * 256, "é" * 128, "e" + "\u0300\u0316" * 40, "9" * 4_301, "[" * 600, "x" * 9_000),
)  # fmt: skip
_KEYS = ("__proto__", "constructor", "", " ", "\0", "type", "id", "format", "a" * 300, "\ud800", "card", "latitude")
_DEPTHS = (2, 20, 31, 33, 100, 199, 201, 330, 500, 900, 1_100, 3_000)
_TIMES = (2, 3, 10, 100, 1_000)
_SIZES = (1_000, 1_000, 4_000, 16_000)
"""Bytes of a mutation at most: short inputs run faster, long ones show what grows."""
_MOST_PLACES = 20_000
"""Places of a tree from which one is chosen: three repetitions in each other make a billion."""
_LONGEST_COPY = 50_000
"""Characters of a part that is copied, or put into another one."""


class Number(str):
    """A number, or another text without quotation marks, as it is written."""

    __slots__ = ()


class Pairs(list[Any]):
    """An object: lists of name and value, of which two may have one name."""

    __slots__ = ()


def split(data: bytes, parts: int) -> list[bytes]:
    """Return the parts of an input; missing ones are empty."""
    found = data.split(SEPARATOR, parts - 1)
    return found + [b""] * (parts - len(found))


def mutate(data: bytes, size: int, random: Random, other: Callable[[bytes, int], bytes]) -> bytes:
    """Return a mutation of an input: one of its parts as JSON if it is JSON, else by its bytes.

    :param size: bytes of the result at most.
    :param other: mutates bytes.
    """
    parts = data.split(SEPARATOR)
    place = random.randrange(len(parts))
    size = min(size, max(len(data), random.choice(_SIZES)))
    room = size - len(data) + len(parts[place])
    tree = _parse(parts[place]) if random.random() < 0.8 else None
    if tree is None:
        parts[place] = other(parts[place], room)
    else:
        try:
            for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
                tree = _changed(tree, random)
            parts[place] = _encoded(_written(tree, random, room), random)
        except (RecursionError, ValueError):  # too deep, or too long
            parts[place] = other(parts[place], room)
    result = SEPARATOR.join(parts)
    return result if len(result) <= size else other(data, size)


def growing(data: bytes) -> list[Callable[[int], bytes]]:
    """Return functions from a size to an input of about this size: in each another part of this input is repeated."""
    parts = data.split(SEPARATOR)
    forms: list[Callable[[int], bytes]] = []
    for place, part in enumerate(parts):
        before = SEPARATOR.join([*parts[:place], b""])
        after = SEPARATOR.join([b"", *parts[place + 1 :]])
        tree = _parse(part)
        inner = _growing_texts(part) if tree is None else _growing_trees(tree)
        forms += [partial(_between, before, after, each) for each in inner]
    return forms


def _between(before: bytes, after: bytes, inner: Callable[[int], bytes], size: int) -> bytes:
    return before + inner(size) + after


# -- reading and writing -----------------------------------------------------------------------------------------------


def _parse(raw: bytes) -> Any:
    """Return a tree; None if a text is not an object or a list of JSON."""
    if not raw.lstrip().startswith((b"{", b"[")):
        return None
    try:
        return _node(
            json.loads(raw, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=Number)
        )
    except (ValueError, RecursionError):
        return None


def _node(value: Any) -> Any:
    if isinstance(value, Pairs):
        return Pairs([name, _node(inner)] for name, inner in value)
    if isinstance(value, list):
        return [_node(inner) for inner in value]
    return value if isinstance(value, str) else Number(json.dumps(value))


def _written(node: Any, random: Random, room: int = 1 << 30) -> str:
    """Return a tree as JSON.

    :raises ValueError: it has more characters than there is room for.
    """
    parts: list[str] = []
    _write(node, random, parts, [room])
    return "".join(parts)


def _write(node: Any, random: Random, parts: list[str], room: list[int]) -> None:
    if isinstance(node, Pairs):
        parts.append("{")
        for index, (name, inner) in enumerate(node):
            parts.append(f"{',' * bool(index)}{_quoted(name, random)}:")
            _write(inner, random, parts, room)
        parts.append("}")
    elif isinstance(node, list):
        parts.append("[")
        for index, inner in enumerate(node):
            parts.append("," * bool(index))
            _write(inner, random, parts, room)
        parts.append("]")
    else:
        parts.append(str(node) if isinstance(node, Number) else _quoted(node, random))
    room[0] -= len(parts[-1]) + 2
    if room[0] < 0:
        raise ValueError("too long")


def _quoted(text: str, random: Random) -> str:
    if random.random() < 0.02:
        return f'"{text}"'  # as it is, with its control characters and quotation marks
    return json.dumps(text, ensure_ascii=random.random() < 0.5)


def _encoded(text: str, random: Random) -> bytes:
    match random.randrange(200):
        case 0:
            text = "\ufeff" + text
        case 1:
            return text.encode("utf-16", "surrogatepass")
        case 2:
            return text.encode("utf-16-be", "surrogatepass")
        case 3:
            text = text[: random.randrange(len(text) + 1)]
        case 4:
            text += random.choice((*_NUMBERS, "{}", "]", "}", "\0"))
        case 5:
            text = " " * 1_000 + text
        case 6:
            return text.encode("latin-1", "replace")
    return text.encode("utf-8", "surrogatepass")


# -- changes -----------------------------------------------------------------------------------------------------------


def _places(node: Any) -> Iterator[tuple[list[Any], int]]:
    """Yield each place of a tree: a list and an index. The value of a member is at index 1 of its pair."""
    pending = [node]
    while pending:
        each = pending.pop()
        for index, inner in enumerate(each):
            holder, at = (inner, 1) if isinstance(each, Pairs) else (each, index)
            yield holder, at
            if isinstance(holder[at], list):
                pending.append(holder[at])


def _changed(tree: Any, random: Random) -> Any:
    root = [tree]
    places = [*islice(_places(root), _MOST_PLACES)]
    holder, at = random.choice(places[1:] if len(places) > 1 and random.random() < 0.95 else places)  # seldom the whole
    change = random.choice(_CHANGES)
    change(holder, at, random, places)
    return root[0]


def _replace(holder: list[Any], at: int, random: Random, places: Any) -> None:
    holder[at] = _odd(random)


def _odd(random: Random) -> Any:
    match random.randrange(5):
        case 0 | 1:
            return Number(random.choice(_NUMBERS))
        case 2 | 3:
            return random.choice(_TEXTS)
        case _:
            return random.choice(([], Pairs(), [[]], Pairs([["a", Pairs()]])))


def _delete(holder: list[Any], at: int, random: Random, places: Any) -> None:
    node = holder[at]
    if isinstance(node, list) and node:
        del node[random.randrange(len(node))]
    else:
        holder[at] = Number("null")


def _repeat(holder: list[Any], at: int, random: Random, places: Any) -> None:
    """Repeat a member: with the same name, or with another one."""
    node, times = holder[at], random.choice(_TIMES)
    if isinstance(node, Pairs) and node:
        name, value = random.choice(node)
        same = random.random() < 0.5
        node.extend([name if same else f"{name}{number}", value] for number in range(times))
    elif isinstance(node, list) and node:
        node.extend([random.choice(node)] * times)
    elif isinstance(node, str):
        holder[at] = type(node)((node * times)[:20_000])


def _rename(holder: list[Any], at: int, random: Random, places: Any) -> None:
    node = holder[at]
    if isinstance(node, Pairs) and node:
        names = (inner[0] for place, index in places if isinstance(place[index], Pairs) for inner in place[index])
        random.choice(node)[0] = random.choice((*_KEYS, *islice(names, _MOST_PLACES)))


def _add(holder: list[Any], at: int, random: Random, places: Any) -> None:
    node = holder[at]
    if isinstance(node, Pairs):
        node.insert(random.randrange(len(node) + 1), [random.choice((*_KEYS, *_TEXTS)), _odd(random)])
    elif isinstance(node, list):
        node.insert(random.randrange(len(node) + 1), _odd(random))


def _copy(holder: list[Any], at: int, random: Random, places: Any) -> None:
    """Put a node in the place of another one. Neither holds the other, so that the tree stays one."""
    source, index = random.choice(places)
    copied = _written(source[index], random, _LONGEST_COPY)
    holder[at] = _parse(copied.encode("utf-8", "surrogatepass")) or holder[at]


def _nest(holder: list[Any], at: int, random: Random, places: Any) -> None:
    opening, closing = random.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
    times = random.choice(_DEPTHS)
    holder[at] = Number(opening * times + _written(holder[at], random, _LONGEST_COPY) + closing * times)


def _edit(holder: list[Any], at: int, random: Random, places: Any) -> None:
    node = holder[at]
    if not isinstance(node, str) or not node:
        return _replace(holder, at, random, places)
    cut = random.randrange(len(node) + 1)
    inserted = random.choice(("-", "9", "e", ".", "0") if isinstance(node, Number) else _TEXTS)
    choices = (
        node[:cut] + inserted + node[cut:],
        node[:cut],
        node[cut:] or node,
        node[:cut] + node[cut + 1 :],
        node.swapcase(),
    )
    holder[at] = type(node)(random.choice(choices) or "0")
    return None


_CHANGES = (_replace, _replace, _delete, _repeat, _rename, _add, _copy, _nest, _edit, _edit)


# -- growth ------------------------------------------------------------------------------------------------------------


def _growing_trees(tree: Any) -> Iterator[Callable[[int], bytes]]:
    root = [tree]
    for holder, at in [*_places(root)]:
        for grown in _growing_node(holder[at]):
            yield partial(_written_with, root, holder, at, grown)


def _written_with(root: list[Any], holder: list[Any], at: int, grown: Callable[[int], Any], size: int) -> bytes:
    """Return a tree with another node at one place."""
    node, holder[at] = holder[at], grown(size)
    try:
        return _written(root[0], _Plain()).encode("utf-8", "surrogatepass")
    finally:
        holder[at] = node


class _Plain(Random):
    """Randomness without chance: every text is written in the same, ordinary way."""

    def random(self) -> float:
        """Return a number that leads to no odd spelling."""
        return 0.7


def _growing_node(node: Any) -> list[Callable[[int], Any]]:
    """Return functions from a size to a longer text, more members of a list, or more members of an object, of one name or of many."""
    if isinstance(node, Number):
        return [lambda size: Number("1" * size)]
    if isinstance(node, str):
        return [
            lambda size: ((node or " ") * size)[:size],
            lambda size: "<a" * (size // 2),
            lambda size: '\\"' * (size // 4),
            lambda size: "\ud800" * (size // 6),
        ]
    if isinstance(node, Pairs):
        name, value = node[-1] if node else ("a", Number("1"))
        length = len(_written(value, _Plain())) + len(name) + 10
        return [
            lambda size: Pairs([*node, *([f"{name}{number}", value] for number in range(size // length))]),
            lambda size: Pairs([*node, *([name, value] for _ in range(size // length))]),
            lambda size: Pairs([*node, *([f"{number}", Number("null")] for number in range(size // 12))]),
        ]
    inner = node[-1] if node else Number("1")
    length = len(_written(inner, _Plain())) + 1
    return [
        lambda size: [*node, *([inner] * (size // length))],
        lambda size: [Pairs()] * (size // 3),
        lambda size: [Number("0")] * (size // 2),
    ]


_TOKENS = (
    *(b"a", b" ", b"\n", b"[", b"{", b"(", b"<", b"&", b",", b".", b"-", b"=", b"%", b"/", b"\\", b'"', b"9", b"\xff"),
    *(b"\xc3\xa9", b"://", b"a=b&"),
)


def _growing_texts(text: bytes) -> Iterator[Callable[[int], bytes]]:
    """Yield functions to a text with a token repeated at its begin, in its middle or at its end, and with a line repeated."""
    for token in _TOKENS:
        for cut in sorted({0, len(text) // 2, len(text)}):
            yield partial(_repeated, text[:cut], token, text[cut:])
    for line in dict.fromkeys([*text.splitlines(keepends=True), text]):
        if line:
            yield partial(_repeated, text, line, b"")


def _repeated(before: bytes, token: bytes, after: bytes, size: int) -> bytes:
    return before + token * (size // len(token)) + after
