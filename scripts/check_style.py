"""Check the project's own rules of naming and prose: ``python scripts/check_style.py [FOLDER ...]``.

* A docstring opens with a verb or a noun phrase, never with a question word.
* No two classes of the package share a name.
* The event of a log call is snake_case.

Prints one line per violation and exits with 1 when there is any.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("webhook_kit", "adapters", "examples", "scripts", "benchmarks", "tests")

_QUESTION = re.compile(r"(what|whether|how|who|whose|whom|where|when|which|why)\b", re.IGNORECASE)
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
_EVENT = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of every docstring, those below an assignment included."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for before, statement in zip([None, *body], body, strict=False):
            documents = isinstance(before, ast.Assign | ast.AnnAssign) or (
                before is None and isinstance(node, _Documented)
            )
            value = statement.value if documents and isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield statement.lineno, value.value


def log_calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Yield every call of a module's ``log``, once per event that it may write."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS):
            continue
        logger = node.func.value
        name = logger.id if isinstance(logger, ast.Name) else logger.attr if isinstance(logger, ast.Attribute) else ""
        if name.lstrip("_") in ("log", "logger") and node.args:
            event = node.args[0]
            for one in (event.body, event.orelse) if isinstance(event, ast.IfExp) else (event,):
                yield node, str(one.value) if isinstance(one, ast.Constant) else f"({ast.unparse(one)})"


def prose(name: str, tree: ast.AST) -> Iterator[str]:
    """Yield one line per violation within a file."""
    for line, text in docstrings(tree):
        if _QUESTION.match(text.lstrip()):
            yield f"{name}:{line}: docstring opens with a question word: {text.lstrip().splitlines()[0][:60]}"
    if name.startswith("webhook_kit/"):
        for call, event in log_calls(tree):
            if not _EVENT.fullmatch(event):
                yield f"{name}:{call.lineno}: log event is not snake_case: {event[:60]}"


def violations(folders: tuple[str, ...] = FOLDERS, root: Path = ROOT) -> Iterator[str]:
    """Yield one line per violation in the Python files of these folders."""
    classes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from prose(name, tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and name.startswith("webhook_kit/"):
                classes[node.name].append(f"{name}:{node.lineno}")
    for name, places in sorted(classes.items()):
        if len(places) > 1:
            yield f"{places[-1]}: class {name} exists also in {', '.join(places[:-1])}"


def main() -> int:
    """Check the folders named on the command line, or all of them."""
    found = list(violations(tuple(sys.argv[1:]) or FOLDERS))
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
