"""``__all__`` of every module lists its public names. Read from the source, so that no module is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "webhook_kit"
SOURCES = [*PACKAGE.rglob("*.py"), *PACKAGE.parent.glob("adapters/*/webhook_kit_*/**/*.py")]
MODULES = sorted(path.relative_to(PACKAGE.parent).as_posix() for path in SOURCES)


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield all statements at module level, including those in an ``if``, ``with`` or ``try``."""
    for statement in body:
        yield statement
        for block in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                yield from statements(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            yield from statements(handler.body)


def targets(statement: ast.stmt) -> list[str]:
    assigned = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [name.id for target in assigned if target for name in ast.walk(target) if isinstance(name, ast.Name)]


class Names:
    """Names that a module defines, imports and lists in ``__all__``."""

    def __init__(self, source: str) -> None:
        tree = ast.parse(source)
        self.listed: list[str] | None = None
        self.defined: set[str] = set()
        self.bound: set[str] = set()
        flat = list(statements(tree.body))
        for statement, following in zip(flat, [*flat[1:], None], strict=True):
            if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                (self.bound if is_subcommand(statement) else self.defined).add(statement.name)
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                self.bound |= {alias.asname or alias.name.split(".")[0] for alias in statement.names}
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                names = targets(statement)
                if names == ["__all__"] and statement.value is not None:
                    self.listed = ast.literal_eval(statement.value)
                    continue
                self.bound |= set(names)
                if documents(following):
                    self.defined |= set(names)
        self.bound |= self.defined
        self.public = {name for name in self.defined if not name.startswith("_")}


def is_subcommand(statement: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return True for a command that is registered with a group, through which it is called."""
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in ("command", "group")
        and ast.unparse(decorator.func.value) != "click"
        for decorator in statement.decorator_list
    )


def documents(statement: ast.stmt | None) -> bool:
    """Return True for the docstring below a constant."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def order(name: str) -> tuple[int, str]:
    """Return the sort key of a name in ``__all__``: constants, classes, then other names, as the linter sorts them."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[0].isupper() else 2), name


def violations(source: str) -> list[str]:
    names = Names(source)
    if names.listed is None:
        # A module without public names, such as one with only a docstring, needs no __all__.
        return [f"defines {', '.join(sorted(names.public))} without __all__"] if names.public else []
    listed = names.listed
    results = []
    if listed != sorted(set(listed), key=order):
        results.append("__all__ is not sorted, or contains a name twice")
    if missing := names.public - set(listed):
        results.append(f"__all__ lacks {', '.join(sorted(missing))}")
    if private := {name for name in listed if name.startswith("_") and not name.startswith("__")}:
        results.append(f"__all__ lists the private {', '.join(sorted(private))}")
    if unknown := set(listed) - names.bound:
        results.append(f"__all__ lists {', '.join(sorted(unknown))}, which the module does not define")
    return results


@pytest.mark.parametrize("module", MODULES)
def test_all_lists_the_public_names_of_a_module(module: str) -> None:
    assert violations((PACKAGE.parent / module).read_text()) == []


@pytest.mark.parametrize(
    ("source", "violation"),
    [
        ("def a(): ...", "without __all__"),
        ("__all__ = ['b', 'a']\ndef a(): ...\ndef b(): ...", "not sorted"),
        ("__all__ = ['a', 'a']\ndef a(): ...", "twice"),
        ("__all__ = ['a', 'B']\nclass B: ...\ndef a(): ...", "not sorted"),
        ("__all__ = ['a']\ndef a(): ...\nif a:\n    class B: ...", "lacks B"),
        ("__all__ = []\nLIMIT = 5\n'''A limit.'''", "lacks LIMIT"),
        ("__all__ = ['_a']\ndef _a(): ...", "private _a"),
        ("__all__ = ['a']", "does not define"),
    ],
)
def test_each_violation_is_found(source: str, violation: str) -> None:
    (result,) = violations(source)
    assert violation in result


@pytest.mark.parametrize(
    "source",
    [
        "'''Only a docstring.'''",
        "_x = 1\ndef _a(): ...",
        "import click\n__all__ = ['c']\n@click.group()\ndef c(): ...\n@c.command()\ndef show(): ...",
        "from x import b\n__all__ = ['LIMIT', 'A', 'b']\nLIMIT = 5\nOTHER = 6\nclass A: ...",
    ],
)
def test_a_correct_module_has_no_violations(source: str) -> None:
    assert violations(source) == []
