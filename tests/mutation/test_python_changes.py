"""The changes of a Python module: each kind, and what is left alone."""

from __future__ import annotations

import pytest

from tests.mutation.python_changes import python_changes


def changed(source: str) -> set[str]:
    text = source.encode()
    return {(text[: each.start] + each.new + text[each.end :]).decode() for each in python_changes(text)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b < c", {"a = (b <= c)"}),
        ("a = b is None", {"a = (b is not None)"}),
        ("a = 5", {"a = 6", "a = (4)"}),
        ("a = True", {"a = False"}),
        ("a = 'b'", {"a = 'b~'"}),
        ("a = 'a text for people'", set()),
        ("a = f'a text with {b + 1}'", set()),
        ("a = b + c", {"a = (b - c)"}),
        ("a = 'b: ' + c", set()),
        ("a = b or c", {"a = (b and c)"}),
        ("a = not b", {"a = (b)"}),
        ("a = min(b)", {"a = max(b)"}),
        ("a = b(c, d)", {"a = (b(d, c))"}),
        ("a = b(c, d=e)", {"a = (b(c))"}),
        ("def f():\n    a.b = c", {"def f():\n    pass"}),
        ("def f():\n    a(b)", {"def f():\n    pass"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("def f(a: int = 1) -> 'T':\n    'Text.'", {"def f(a: int = 2) -> 'T':\n    'Text.'", "def f(a: int = (0)) -> 'T':\n    'Text.'"}),
        ("if a:\n    raise b(1)", {"if (not a):\n    raise b(1)", "if a:\n    pass"}),
        ("if a == b:\n    log.info('c', d=1)", {"if (a != b):\n    log.info('c', d=1)"}),
        ("for a in b:\n    continue", {"for a in b:\n    pass"}),
        ("a = [b for b in c if b]", {"a = [b for b in c if (not b)]"}),
        ("def f():\n    a += b", {"def f():\n    pass", "def f():\n    a -= b"}),
        ("__all__ = ['a']", set()),
        ("class A(StrEnum):\n    B = 'b'", set()),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_made(source: str, expected: set[str]) -> None:
    assert changed(source) == expected


def test_scope_is_the_outermost_function() -> None:
    source = b"class A:\n    def f(self):\n        def g():\n            return x\nb = 'c'\n"
    assert {each.scope for each in python_changes(source)} == {"A.f", ""}
