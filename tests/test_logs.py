"""Log lines as a process writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PROGRAM = """
from webhook_kit.logs import configure, logger
log = logger("stores")
configure({level!r})
log.info("first_read", store="main")
log.warning("second_failed", store="main")
log.bind(order="o1").info("third_sent")
"""


def log_lines(level: str) -> list[dict[str, Any]]:
    """Run the program in a new process and return what it wrote."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_every_line_has_event_level_time_logger_and_fields() -> None:
    lines = log_lines("INFO")
    assert [line["event"] for line in lines] == ["first_read", "second_failed", "third_sent"]
    assert [line["level"] for line in lines] == ["info", "warning", "info"]
    assert [line["logger"] for line in lines] == ["stores", "stores", "stores"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert [lines[0]["store"], lines[2]["order"]] == ["main", "o1"]
    assert set(lines[0]) == {"event", "level", "logger", "timestamp", "store"}


def test_lines_below_the_level_are_not_written() -> None:
    assert [line["event"] for line in log_lines("WARNING")] == ["second_failed"]
