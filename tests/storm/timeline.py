"""The faults of a seed and their moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

__all__ = ["Fault", "draw"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to come.

    :ivar at: seconds since the storm began.
    :ivar seconds: its duration.
    :ivar seed: of its own choices.
    """

    number: int
    at: float
    kind: str
    seconds: float
    seed: int

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.kind} for {self.seconds:.1f} s"


def draw(seed: int, seconds: float, kinds: Sequence[str]) -> list[Fault]:
    """Return the faults of a seed. Each kind comes once before any comes again; one of five begins during the one before.

    :param seconds: all begin within so many seconds.
    """
    random = Random(f"{seed} faults")
    at, faults = 5.0, list[Fault]()
    for number, kind in enumerate(_shuffled(random, kinds)):
        fault = Fault(number, at, kind, random.uniform(1, 8), random.getrandbits(32))
        if at > seconds:
            return faults
        faults.append(fault)
        overlapping = random.random() < 0.2
        at += random.uniform(0.2, fault.seconds) if overlapping else fault.seconds + random.uniform(3, 12)
    return faults


def _shuffled(random: Random, kinds: Sequence[str]) -> Iterator[str]:
    while kinds:
        yield from random.sample(list(kinds), len(kinds))
