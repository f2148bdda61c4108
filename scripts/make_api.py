"""Write the public API into ``docs/public-api.txt``: ``python scripts/make_api.py``. A test compares, and says which change breaks callers.

Public is what the pages ``docs/api-*.md`` show. The text is Python without bodies, so that griffe can read it again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import griffe

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "public-api.txt"
HEAD = "# The public API. Written by `make api` from what docs/api-*.md show; tests/packaging/test_public_api.py compares.\n"

_SHOWN = re.compile(r"^::: webhook_kit\.([\w.]+)(?:\n    options:\n      members: (false|\[.*\]))?$", re.MULTILINE)


class _Signatures(ast.NodeTransformer):
    """Leaves the public names of a class, without bodies and docstrings."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef | None:
        node.body = [ast.Expr(ast.Constant(...))]
        return None if _is_private(node.name) else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef | None:
        self.generic_visit(node)
        node.body = node.body or [ast.Expr(ast.Constant(...))]
        return None if _is_private(node.name) else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        return None if _is_private(ast.unparse(node.targets[0])) else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign | None:
        return None if _is_private(ast.unparse(node.target)) else node

    def visit_Expr(self, node: ast.Expr) -> None:
        """Leave out a docstring."""


def _is_private(name: str) -> bool:
    return name.startswith("_") and name != "__init__"


def shown(pages: list[Path]) -> Iterator[tuple[str, list[str] | None]]:
    """Yield each name that the pages show, and those of its members that they show; None: all."""
    for page in pages:
        for name, members in _SHOWN.findall(page.read_text(encoding="utf-8")):
            yield name, re.findall(r"\w+", members.removeprefix("false")) if members else None


def signatures(name: str, found: griffe.Object, members: list[str] | None) -> str:
    """Return a public object as Python without bodies."""
    if isinstance(found, griffe.Module):
        exported = [found[str(each)] for each in found.exports or ()]
        node: ast.stmt = ast.ClassDef(name, [], [], [ast.parse(each.source).body[0] for each in exported], [])
    else:
        node = ast.parse(dedent(found.source or "")).body[0]
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        node.name = name
    if isinstance(node, ast.ClassDef) and members is not None:
        node.body = [each for each in node.body if getattr(each, "name", "") in members]
    return ast.unparse(ast.fix_missing_locations(_Signatures().visit(node)))


def public_api(root: Path = ROOT) -> str:
    """Return the text of the whole public API."""
    package = griffe.load("webhook_kit", search_paths=[root], try_relative_path=False)
    parts = []
    for path, members in sorted(shown(sorted((root / "docs").glob("api-*.md"))), key=lambda each: each[0].lower()):
        found = package[path]
        found = found.final_target if isinstance(found, griffe.Alias) else found
        parts.append(signatures(path.rpartition(".")[2], found, members))
    return HEAD + "\n\n".join(["", *parts]).rstrip() + "\n"


if __name__ == "__main__":
    FILE.write_text(public_api(), encoding="utf-8")
