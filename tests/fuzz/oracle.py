"""Judgement of one input: only documented exceptions, a bounded answer, bounded lines of the log, and bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Fault", "Target", "judge"]

_LONGEST_MESSAGE = 8_000
"""Characters of the message of a documented exception: it must not repeat a whole input."""

_LONGEST_LINE = 16_000
"""Characters of a line of the log."""

_ATTEMPTS = 3
"""Measurements of a slow input: the garbage collector and other threads slow one of them down, not all."""


class Fault(AssertionError):
    """An input for which a parser of outside text breaks its contract."""


@dataclass(frozen=True)
class Target:
    """A parser of outside text.

    :ivar run: parses one input, and returns how many bytes the caller gets; it raises :class:`Fault` when the result is wrong.
    :ivar documented: exceptions that say that the input is not valid.
    :ivar parts: number of texts in an input; a line of three hyphens is between two of them.
    :ivar most: bytes that the product accepts of such an input.
    :ivar per_byte: CPU time for each byte of an input at most, in microseconds.
    :ivar fixed: CPU time for any input at most, in milliseconds.
    :ivar answer_per_byte: bytes of an answer for each byte of an input at most.
    :ivar traces: events that are logged with a stack trace, because a vendor's code has failed.
    :ivar shown_to_author: True if whoever wrote the input sees the message, so that it may repeat the input.
    """

    name: str
    run: Callable[[bytes], int | None]
    documented: tuple[type[Exception], ...] = ()
    parts: int = 1
    most: int = 1_000_000
    per_byte: float = 5.0
    fixed: float = 50.0
    answer_per_byte: float = 4.0
    traces: frozenset[str] = frozenset()
    shown_to_author: bool = False

    def seconds(self, length: int) -> float:
        """Return the CPU time that an input of this length may take."""
        return self.fixed / 1e3 + self.per_byte / 1e6 * length


def judge(
    target: Target, data: bytes, log: MutableSequence[Any], *, clock: Callable[[], float] = time.process_time
) -> None:
    """Parse an input.

    :param log: events that the kit has logged, which a caller captures; it is emptied.
    :param clock: CPU time of this process, in seconds.
    :raises Fault: with the reason.
    """
    for _ in range(_ATTEMPTS):
        log.clear()
        started = clock()
        answered = _run(target, data)
        spent = clock() - started
        _judge_log(target, log)
        if answered > 64_000 + target.answer_per_byte * len(data):
            raise Fault(f"{target.name} answers {len(data)} bytes with {answered}")
        if spent <= target.seconds(len(data)):
            return
    raise Fault(f"{target.name} takes {spent * 1e6 / max(1, len(data)):.1f} µs a byte: {spent:.3f} s for {len(data)}")


def _run(target: Target, data: bytes) -> int:
    try:
        return target.run(data) or 0
    except Fault:
        raise
    except target.documented as error:
        longest = max(map(len, str(error).splitlines()), default=0)
        if longest > _LONGEST_MESSAGE + (10 * len(data) if target.shown_to_author else 0):
            raise Fault(f"{target.name}: a message of {longest} characters for {len(data)} bytes") from error
        return 0
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise Fault(f"{target.name} raised {type(error).__name__}: {str(error)[:300]}") from error


def _judge_log(target: Target, log: MutableSequence[Any]) -> None:
    for event in log:
        shown = {name: value for name, value in event.items() if name != "exc_info"}
        if len(repr(shown)) > _LONGEST_LINE:
            raise Fault(f"{target.name} logs {len(repr(shown))} characters: {event.get('event')}")
        error = event.get("exc_info")
        if error and event.get("event") not in target.traces:
            raise Fault(f"{target.name} logs a stack trace: {event.get('event')}: {error!r}"[:500])
