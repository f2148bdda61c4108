"""docs/settings.md is that of the settings and the commands."""

from __future__ import annotations

from scripts import make_settings


def test_page_is_current() -> None:
    assert make_settings.PAGE.read_text(encoding="utf-8") == make_settings.page(), "run python scripts/make_settings.py"


def test_variables_of_commands_are_listed() -> None:
    of_commands = make_settings.page().split("## Of single commands")[1]
    for name, command in (("PORT", "serve"), ("WEB_CONCURRENCY", "check"), ("WEB_THREADS", "serve")):
        assert any(f"`{name}`" in row and f"`{command}`" in row for row in of_commands.splitlines())
    assert "GETT_API_KEY" not in of_commands, "a setting stands above"
