"""Queue of reports."""

from __future__ import annotations

import os
import threading
from collections.abc import MutableMapping
from typing import Any

from webhook_kit.error_reports.reporter import ErrorReports, context_of
from webhook_kit.testing.processes import PATIENCE, wait_until


def test_context_holds_ids_of_an_allow_list_as_short_printable_text() -> None:
    line = {
        "logger": "pos", "event": "pos_call_failed", "order": "o\x1b[1m" + "1" * 500, "store": "main", "update": 7,
        "reason": "jane@example.org", "error": "4111111111111111", "lane": object(), "job": None,
    }  # fmt: skip
    context = context_of(line)
    assert set(context) == {"component", "event", "order", "store", "update"}
    assert context["order"].startswith("o\\u001b[1m1")
    assert len(context["order"]) == 200


def test_reporter_that_fails_is_logged_once_and_the_next_one_is_called(
    events: list[MutableMapping[str, Any]],
) -> None:
    reported: list[BaseException] = []

    def fail(error: BaseException, context: dict[str, str]) -> None:
        raise SystemExit(f"{error} {context}")

    reports = ErrorReports([fail, lambda error, _: reported.append(error)])
    error = ValueError("secret")
    for _ in range(3):
        reports.submit(error, {"event": "order_failed"})
    reports.flush()
    assert reported == [error] * 3
    wait_until(lambda: [line["event"] for line in events] == ["error_report_failed"], message="the log line")
    assert (events[0]["error"], events[0]["reported"]) == ("SystemExit", "order_failed")


def test_reporter_that_hangs_delays_nobody_and_the_queue_is_bounded(events: list[MutableMapping[str, Any]]) -> None:
    free, called = threading.Event(), threading.Event()
    reported: list[BaseException] = []

    def hang(error: BaseException, _: dict[str, str]) -> None:
        called.set()
        free.wait(PATIENCE)
        reported.append(error)

    reports = ErrorReports([hang])
    reports.submit(ValueError("first"), {})
    assert called.wait(PATIENCE)
    for number in range(300):
        reports.submit(ValueError(number), {})
    assert not reported
    assert [line["event"] for line in events] == ["error_reports_dropped"]
    free.set()
    wait_until(lambda: len(reported) == 101, message="the reports that were not dropped")


def test_thread_that_ended_is_started_again() -> None:
    reported: list[BaseException] = []
    reports = ErrorReports([lambda error, _: reported.append(error)])
    reports._thread = threading.Thread(target=lambda: None)
    reports.submit(ValueError(), {})
    wait_until(lambda: reported, message="the report")


def test_child_of_a_fork_reports_what_it_raised_alone() -> None:
    reader, writer = os.pipe()
    reports = ErrorReports([lambda error, _: os.write(writer, f"{error}\n".encode())])
    reports._queue.put_nowait((ValueError("parent"), {}))
    if (child := os.fork()) == 0:
        reports.submit(ValueError("child"), {})
        reports.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reader, 100) == b"child\n"


def test_reporter_that_reports_its_own_failure_does_not_loop() -> None:
    reported: list[BaseException] = []

    def report(error: BaseException, context: dict[str, str]) -> None:
        reported.append(error)
        reports.submit(error, context)

    reports = ErrorReports([report])
    reports.submit(ValueError(), {})
    reports.flush()
    assert len(reported) == 1
