"""Write the table of calls into docs/sandbox.md: ``python scripts/make_sandbox.py``."""

from __future__ import annotations

from pathlib import Path

from webhook_kit.sandbox.calls import table

PAGE = Path(__file__).parents[1] / "docs" / "sandbox.md"
START, END = "<!-- calls -->\n", "<!-- /calls -->\n"

if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}{table()}{END}{after}")
