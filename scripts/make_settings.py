"""Writes ``docs/settings.md`` from the settings themselves: ``python scripts/make_settings.py``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.make_commands import commands  # noqa: E402 - found in the folder of the project alone
from webhook_kit.settings import Settings, meanings  # noqa: E402

PAGE = ROOT / "docs" / "settings.md"

HEAD = """# Settings

Every environment variable, read once at start. All mistakes are reported at once, and `webhook-kit check` reports them
before anything runs. Written from `webhook_kit/settings.py` and the commands by `python scripts/make_settings.py`.

| variable | default | meaning |
|---|---|---|
"""

OF_COMMANDS = """
## Of single commands

Options that a variable can give as well. A platform sets the first ones by itself (Heroku: `PORT` and `WEB_CONCURRENCY`).

| variable | command | default | meaning |
|---|---|---|---|
"""

OF_LIBRARIES = """
Libraries read variables of their own: `OTEL_EXPORTER_OTLP_ENDPOINT` and the other `OTEL_…` ([monitoring.md](monitoring.md)), `RQ_KEY_PREFIX`
([scaling.md](scaling.md#redis-cluster)), `SSL_CERT_FILE` for Redis and `REQUESTS_CA_BUNDLE` for everything that is called by HTTPS.
"""

_FIRST = ("PORT", "WEB_CONCURRENCY", "WEB_THREADS")


def page() -> str:
    """Return the page as it has to be."""
    settings = (
        f"| `{name.upper()}` | {_default(Settings.model_fields[name].get_default(call_default_factory=True))} "
        f"| {_linked(meaning.replace('``', '`'))} |\n"
        for name, meaning in meanings().items()
    )
    return "".join([HEAD, *settings, OF_COMMANDS, *_of_commands(), OF_LIBRARIES])


def _of_commands() -> Iterator[str]:
    """Yield a row for each variable that is no setting; commands that use it in the same way share one."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name, command in commands():
        for option in command.params:
            if isinstance(option, click.Option) and isinstance(option.envvar, str) and not _is_setting(option.envvar):
                default = f"`{option.default}`" if isinstance(option.default, int | str) else ""
                rows.setdefault((option.envvar, default, option.help or ""), []).append(name)
    order = {name: place for place, name in enumerate(_FIRST)}
    for (name, default, meaning), users in sorted(rows.items(), key=lambda row: (order.get(row[0][0], 9), row[0][0])):
        yield f"| `{name}` | {_users(users)} | {default} | {meaning} |\n"


def _users(names: list[str]) -> str:
    """Return names of commands; one for all when they are below one command."""
    groups = {name.partition(" ")[0] for name in names}
    return f"`{groups.pop()} …`" if len(groups) == 1 and len(names) > 1 else ", ".join(f"`{name}`" for name in names)


def _is_setting(variable: str) -> bool:
    return variable.lower() in Settings.model_fields


def _linked(text: str) -> str:
    """Return a text in which names of pages are links."""
    return re.sub(r"`docs/([\w-]+\.md)`", r"[\1](\1)", text)


def _default(value: object) -> str:
    value = value.value if isinstance(value, Enum) else value
    return "" if value is None or value in ("", [], {}) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
