"""Log lines as a process writes them."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from webhook_kit import logs
from webhook_kit.testing.processes import PATIENCE, wait_until

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


# -- a line never raises, and lines never grow without bound -----------------------------------------------------------


class Stream(io.StringIO):
    """A stream whose disk can be full, or which nobody reads."""

    full = False
    free = threading.Event()
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        if not self.free.wait(PATIENCE):
            raise TimeoutError
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    """The stream to which lines are written in this test."""
    stream = Stream()
    stream.free = threading.Event()
    stream.free.set()
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("INFO")
    yield stream
    stream.free.set()
    structlog.configure(**before)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def events(stream: Stream) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines() if line]


def test_full_disk_raises_nothing_and_lost_lines_are_counted(stream: Stream) -> None:
    log = logs.logger("a")
    stream.full = True
    log.warning("one_failed")
    log.info("two_failed")
    logs.flush()
    stream.full = False
    log.warning("three_written")
    assert events(stream) == ["log_lines_lost", "three_written"]
    assert json.loads(stream.getvalue().splitlines()[1])["lines"] == 2


def test_lines_that_nobody_reads_are_bounded_and_hold_up_nobody(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_PATIENCE", 0.01)
    monkeypatch.setattr(logs, "_MAX_LINES", 50)
    monkeypatch.setattr(sys, "stderr", stream)  # the capture of this test has set it again
    logs.configure("INFO")
    log = logs.logger("b")
    stream.free.clear()
    log.info("first_line")
    wait_until(lambda: stream.writes, message="the writer of the log")
    for number in range(200):
        log.warning("line_written", number=number)
    stream.free.set()
    wait_until(lambda: "199" in stream.getvalue(), message="the last line")
    assert len(events(stream)) == 1 + 1 + 50  # the first one, the number of lost ones, the newest ones
    assert "log_lines_lost" in events(stream)


def test_line_with_an_object_that_cannot_be_shown_is_written_without_it(stream: Stream) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise SystemError("broken")

    logs.logger("c").warning("order_failed", value=Broken())
    written = json.loads(stream.getvalue())
    assert written == {"event": "log_line_not_rendered", "line": "order_failed", "error": "SystemError"}


def test_writer_that_died_is_started_again(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs._Writer, "_run", lambda _: None)
    log = logs.logger("d")
    log.info("first_line")
    monkeypatch.undo()
    log.info("second_line")
    wait_until(lambda: "second_line" in stream.getvalue(), message="the second line")


def test_process_whose_log_disk_is_full_goes_on() -> None:
    program = """
from webhook_kit.logs import configure, logger
configure("INFO")
for _ in range(3):
    logger("a").warning("disk_full")
    logger("a").info("disk_full")
print("done")
"""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert (ran.stdout, ran.returncode) == ("done\n", 0)


@pytest.mark.parametrize("format", ["json", "console"])
def test_line_controls_no_terminal_and_has_no_secrets(
    format: str, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure("INFO", format)
    error = ValueError("\x1b[2J https://ann:pw@pos.example/a?key=abc")
    logs.logger("e").error("call_failed", exc_info=error, why="\x1b[2J\u202e", urls=["https://pos.example?key=abc"])
    assert "\x1b[2J" not in written.getvalue()
    assert "\u202e" not in written.getvalue()
    assert "pw" not in written.getvalue()
    assert "abc" not in written.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_for_people_have_colours_on_a_terminal_only(terminal: bool) -> None:
    program = PROGRAM.replace("{level!r}", "format='console'")
    reader, writer = os.openpty() if terminal else os.pipe()
    try:
        subprocess.run([sys.executable, "-c", program], stderr=writer, check=True)
        written = os.read(reader, 10_000)
    finally:
        os.close(reader)
        os.close(writer)
    assert b"second_failed" in written
    assert (b"\x1b[" in written) is terminal


def test_captured_events_leave_out_those_of_threads_of_earlier_tests(request: pytest.FixtureRequest) -> None:
    log, go = logs.logger("pos"), threading.Event()

    def end_late() -> None:
        go.wait(PATIENCE)
        log.info("ended_late")

    earlier = threading.Thread(target=end_late)
    earlier.start()
    events = request.getfixturevalue("events")
    go.set()
    earlier.join()
    log.info("ended_in_time")
    assert [event["event"] for event in events] == ["ended_in_time"]


# -- libraries and a vendor's code -------------------------------------------------------------------------------------

FOREIGN = """
import logging, sys
from webhook_kit.logs import configure
configure("DEBUG")
logging.getLogger("my_pos.api").debug("asked %s", "https://ann:pw@pos.example/a?key=abc")
logging.getLogger("my_pos.api").info("answered", extra={{"email": "jane@example.org"}})
for library in ("urllib3.connectionpool", "rq.worker", "redis", "botocore.endpoint"):
    logging.getLogger(library).info("noise with a body")
    logging.getLogger(library).warning("\\x1b[2J retried")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("my_pos").exception("failed")
logging.getLogger("my_pos").warning("broken %d", "text")
logging.basicConfig(level="DEBUG", stream=sys.stdout)
logging.getLogger("my_pos").info("after basicConfig")
{vendor}
"""

STRUCTLOG = """
import structlog
structlog.get_logger("my_pos.structured").info("ticket_made", ticket=7)
structlog.get_logger().warning("ticket_lost", ticket=8)
"""


def foreign_lines(program: str) -> list[dict[str, Any]]:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_lines_of_the_standard_library_have_the_same_format_and_safety() -> None:
    lines = foreign_lines(FOREIGN.format(vendor=""))
    assert [(line.get("logger"), line.get("level"), line["event"]) for line in lines] == [
        ("my_pos.api", "debug", "asked https://…@pos.example/a?…"),
        ("my_pos.api", "info", "answered"),
        *(
            (library, "warning", "\\u001b[2J retried")
            for library in ("urllib3.connectionpool", "rq.worker", "redis", "botocore.endpoint")
        ),
        ("my_pos", "error", "failed"),
        (None, None, "log_line_not_rendered"),
        ("my_pos", "info", "after basicConfig"),
    ]
    assert set(lines[0]) == set(lines[1]) == {"event", "level", "logger", "timestamp"}
    assert "ZeroDivisionError" in lines[6]["exception"]


def test_vendor_that_uses_structlog_before_the_kits_first_line_gets_the_same_format() -> None:
    lines = foreign_lines("import sys\nfrom webhook_kit.logs import configure\nconfigure()\n" + STRUCTLOG)
    assert [(line["event"], line["level"], line.get("logger"), line["ticket"]) for line in lines] == [
        ("ticket_made", "info", "my_pos.structured", 7),
        ("ticket_lost", "warning", "", 8),
    ]
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_later_configuration_replaces_the_earlier_one(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    second = io.StringIO()
    monkeypatch.setattr(sys, "stderr", second)
    logs.configure("WARNING")
    logging.getLogger("my_pos").info("not written")
    logging.getLogger("my_pos").warning("written once")
    assert second.getvalue().count("written") == 1
    assert stream.getvalue() == ""


def test_sigkill_loses_no_line_before_a_warning() -> None:
    program = """
import os, signal
from webhook_kit.logs import configure, logger
configure("INFO")
log = logger("a")
log.info("line_before")
log.warning("warning_written")
log.info("line_after")
os.kill(os.getpid(), signal.SIGKILL)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGKILL
    assert [json.loads(line)["event"] for line in ran.stderr.splitlines()][:2] == ["line_before", "warning_written"]
