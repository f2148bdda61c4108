"""Write ``docs/log-events.md`` from the calls in the source: ``python scripts/make_log_events.py``. A test compares.

The meaning of each event is in ``scripts/log_events.toml``.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.check_style import log_calls  # noqa: E402 - found in the folder of the project alone

PAGE = ROOT / "docs" / "log-events.md"
MEANINGS = ROOT / "scripts" / "log_events.toml"

_HEAD = """# Log events

Every event that the kit writes, from the source (`python scripts/make_log_events.py`). `monitoring.md` explains the lines. Each line also
has `timestamp`, `level` and `logger` (the component); a line of a caught exception has `exception`, its traceback. `log_lines_lost` and `log_line_not_rendered`
are written by the log itself.

| event | level | component | meaning | fields | module |
|---|---|---|---|---|---|
"""


class LogCall(NamedTuple):
    """One place in the source that writes an event."""

    event: str
    level: str
    component: str
    fields: tuple[str, ...]
    module: str


def log_calls_in_source() -> Iterator[LogCall]:
    """Yield every call of a logger in the package."""
    for path in sorted((ROOT / "webhook_kit").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for call, event in log_calls(tree):
            level = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            fields = tuple(word.arg or "…" for word in call.keywords if word.arg != "exc_info")
            yield LogCall(event, "error" if level == "exception" else level, _component(tree), fields, module)


def meanings() -> dict[str, str]:
    """Return the meaning of each event."""
    return dict(tomllib.loads(MEANINGS.read_text(encoding="utf-8")))


def page() -> str:
    """Return the page as it has to be.

    :raises LookupError: when an event has no meaning, or a meaning no event.
    """
    events: dict[str, list[LogCall]] = {}
    for call in log_calls_in_source():
        events.setdefault(call.event, []).append(call)
    explained = meanings()
    if different := sorted(set(events) ^ set(explained)):
        raise LookupError(f"{MEANINGS.relative_to(ROOT)} and the source differ in these events: {', '.join(different)}")
    return _HEAD + "".join(_row(event, explained[event], calls) for event, calls in sorted(events.items()))


def _row(event: str, meaning: str, calls: list[LogCall]) -> str:
    fields = dict.fromkeys(f"`{field}`" for call in calls for field in call.fields)
    cells = (
        f"`{event}`",
        ", ".join(dict.fromkeys(call.level for call in calls)),
        ", ".join(dict.fromkeys(call.component for call in calls)),
        meaning,
        ", ".join(fields),
        ", ".join(dict.fromkeys(f"`{call.module}`" for call in calls)),
    )
    return f"| {' | '.join(cells)} |\n"


def _component(tree: ast.Module) -> str:
    """Return the name that a module gives to its logger."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign) else None
        if isinstance(value, ast.Call) and value.args and ast.unparse(value.func).split(".")[-1] == "logger":
            return str(ast.literal_eval(value.args[0]))
    return ""


if __name__ == "__main__":
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except LookupError as error:
        sys.exit(str(error))
