"""The judge of fuzzed inputs objects to what it is there for."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fuzz.mutation import SEPARATOR, _changed, growing, mutate
from tests.fuzz.oracle import Fault, Target, judge
from tests.fuzz.surroundings import Answer, Surroundings
from tests.fuzz.targets import NAMES
from tests.fuzz.targets.webhooks import require_answer
from webhook_kit.errors import InvalidArgument
from webhook_kit.testing.redis_server import RedisServer

PROBLEM = b'{"type": "t", "title": "T", "status": 400, "detail": "d"}'


def raising(error: BaseException) -> Callable[[bytes], int]:
    def run(_data: bytes) -> int:
        raise error

    return run


def complaint(run: Callable[[bytes], int | None], data: bytes = b"input", log: Any = (), **of_target: Any) -> str:
    """Return the complaint about a target; empty if there is none."""
    target = Target("planted", run, (InvalidArgument,), **of_target)
    events: list[Any] = []

    def run_and_log(given: bytes) -> int | None:
        events.extend(log)
        return run(given)

    try:
        judge(Target(**{**vars(target), "run": run_and_log}), data, events)
    except Fault as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError("x"), SystemExit(1), MemoryError()], ids=repr)
def test_an_exception_that_is_not_documented_is_a_fault(error: BaseException) -> None:
    assert complaint(raising(error)).startswith(f"planted raised {type(error).__name__}")


def test_a_documented_exception_is_none_unless_it_repeats_the_input() -> None:
    assert not complaint(raising(InvalidArgument("no list of hours")))
    assert complaint(raising(InvalidArgument("x" * 10_000))) == "planted: a message of 10000 characters for 5 bytes"
    assert not complaint(raising(InvalidArgument("x" * 10_000)), b"x" * 1_000, shown_to_author=True)


def test_time_beyond_the_bound_is_a_fault_if_it_is_so_each_time() -> None:
    ticks = count()
    with pytest.raises(Fault, match=r"takes 20000\.0 µs a byte: 1\.000 s for 50"):
        judge(Target("planted", lambda _: 0), b"x" * 50, [], clock=lambda: float(next(ticks)))
    once = iter([0.0, 9.0, 9.0, 9.0])
    judge(Target("planted", lambda _: 0), b"x" * 50, [], clock=lambda: next(once))


def test_an_answer_that_is_much_longer_than_the_input_is_a_fault() -> None:
    assert not complaint(lambda _: 64_000)
    assert complaint(lambda data: 64_001 + 4 * len(data)) == "planted answers 5 bytes with 64021"


def test_a_stack_trace_and_a_long_line_in_the_log_are_faults() -> None:
    assert not complaint(lambda _: 0, log=[{"event": "order_placed", "order": "1"}])
    assert "logs 20" in complaint(lambda _: 0, log=[{"event": "order_placed", "order": "x" * 20_000}])
    trace = [{"event": "request_failed", "exc_info": ValueError("x")}]
    assert complaint(lambda _: 0, log=trace).startswith("planted logs a stack trace: request_failed: ValueError")
    assert not complaint(lambda _: 0, log=trace, traces=frozenset({"request_failed"}))


@pytest.mark.parametrize(
    ("status", "type", "body", "said"),
    [
        (200, "application/json", b"{}", ""),
        (200, "application/json", b'{"a": NaN}', "NaN is not JSON"),
        (200, "application/json", b"\xff", "not JSON"),
        (400, "application/json", b"{}", "400 as application/json"),
        (400, "application/problem+json", b"<html>", "not JSON"),
        (400, "application/problem+json", PROBLEM, "a problem without errorCategory"),
        (503, "application/problem+json", PROBLEM, "503"),
        (418, "text/plain", b"", "418"),
    ],
)
def test_an_answer_is_a_success_or_a_problem_document(status: int, type: str, body: bytes, said: str) -> None:
    answer = Answer(status, {"content-type": f"{type}; charset=utf-8"}, body)
    if not said:
        assert require_answer(answer) == len(body)
        return
    with pytest.raises(Fault, match=said):
        require_answer(answer)


def test_an_error_of_the_server_is_a_fault(
    redis_server: RedisServer, tmp_path: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings = Surroundings(redis_server.url, tmp_path, events)
    monkeypatch.setattr("webhook_kit.webhooks.orders.parse", raising(ZeroDivisionError()))
    headers = [("Signature", "x")]
    assert surroundings.request("POST", "/v1/validateOrder", headers, b"{}").status in (401, 404)
    monkeypatch.setattr("webhook_kit.webhooks.orders.verify_webhook", lambda *_: True)
    prefix = surroundings.kit.settings.webhook_prefix
    with pytest.raises(Fault, match=r"POST .*validateOrder: 500"):
        surroundings.request("POST", f"{prefix}/validateOrder", headers, b"{}")


def test_mutations_are_bounded_repeatable_and_mostly_json_of_another_shape() -> None:
    seed = b'{"cart": {"lineItems": [{"itemId": "cola", "quantity": 1}]}}'
    made = [mutate(seed, 1_000, Random(number), lambda data, _: data[:-1]) for number in range(2_000)]
    again = [mutate(seed, 1_000, Random(number), lambda data, _: data[:-1]) for number in range(2_000)]
    assert made == again
    assert max(map(len, made)) <= 1_000
    assert len(set(made)) > 600
    for found in (b"1e400", b"\\ud83", b"[[[[", b'"itemId":"cola","itemId":"cola"'):
        assert any(found in each for each in made), found


def test_repetitions_in_each_other_take_no_memory_without_end() -> None:
    tree: Any = ["x"]
    for _ in range(3):
        tree = [tree] * 100
    tracemalloc.start()
    try:
        for number in range(5):
            with contextlib.suppress(ValueError):  # a part that is too long to be copied
                _changed([tree], Random(number))
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_each_form_of_growth_has_the_length_that_is_asked_for() -> None:
    for form in growing(b'{"a": ["x", {"b": 1}], "c": 2}' + SEPARATOR + b"a text"):
        assert 2_000 < len(form(5_000)) < 12_000


def test_names_are_those_of_the_targets() -> None:
    assert len(set(NAMES)) == len(NAMES)
