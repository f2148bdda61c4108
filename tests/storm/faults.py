"""The faults of processes: each is a context manager, within which it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from random import Random

import psutil

from tests.storm.installation import Installation, Member

__all__ = ["PROCESS_FAULTS", "Act"]

Act = Callable[[Installation, Random], AbstractContextManager[None]]


def _killed(*kinds: str, all: bool = False) -> Act:
    @contextmanager
    def act(installation: Installation, random: Random) -> Iterator[None]:
        members = [each for kind in kinds for each in _chosen(installation, kind, random, all=all)]
        for member in members:
            member.kill()
        yield
        for member in members:
            member.start()

    return act


@contextmanager
def _child_killed(installation: Installation, random: Random) -> Iterator[None]:
    """Kill the process of a web server that handles the requests; its parent starts another one."""
    (member,) = _chosen(installation, "web", random)
    with suppress(psutil.Error):
        children = psutil.Process(member.pid).children()
        for child in random.sample(children, min(1, len(children))):
            child.kill()
    yield


def _stopped(kind: str) -> Act:
    @contextmanager
    def act(installation: Installation, random: Random) -> Iterator[None]:
        (member,) = _chosen(installation, kind, random)
        with member.frozen():
            yield

    return act


def _chosen(installation: Installation, kind: str, random: Random, *, all: bool = False) -> list[Member]:
    members = installation.of_kind(kind)
    return members if all else [random.choice(members)]


PROCESS_FAULTS: Mapping[str, Act] = {
    **{f"{kind} killed": _killed(kind) for kind in ("web", "push", "sync", "console", "pos")},
    **{f"{kind} stopped": _stopped(kind) for kind in ("web", "push", "sync", "pos", "gett")},
    "child of web killed": _child_killed,
    "every web server killed": _killed("web", all=True),
    "every worker killed": _killed("push", "sync", all=True),
}
