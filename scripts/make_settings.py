"""Writes ``docs/settings.md`` from the settings themselves: ``python scripts/make_settings.py``."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from webhook_kit.settings import Settings, meanings

HEAD = """# Settings

Every environment variable, read once at start. All mistakes are reported at once, and `webhook-kit check` reports them
before anything runs. Written from `webhook_kit/settings.py` by `python scripts/make_settings.py`.

| variable | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The page as it has to be."""
    return HEAD + "".join(
        f"| `{name.upper()}` | {_default(Settings.model_fields[name].get_default(call_default_factory=True))} "
        f"| {meaning.replace('``', '`')} |\n"
        for name, meaning in meanings().items()
    )


def _default(value: object) -> str:
    value = value.value if isinstance(value, Enum) else value
    return "" if value is None or value in ("", [], {}) else f"`{value}`"


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "settings.md").write_text(page(), encoding="utf-8")
