"""Runs the tests on mutants: one pytest session collects the tests, and each mutant runs in a fork of it.

So a mutant costs a fork and the tests that cover it, until the first one fails; the start of pytest, the imports and the start of
Redis are paid once. A test that has failed on an earlier mutant of the same file is tried first, then the fastest.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import redis
from _pytest.runner import runtestprotocol

from tests.mutation.covering import Lines, is_covered, watch
from tests.mutation.examples import limit_examples
from tests.mutation.installation import CannotInstall, Functions, all_functions, install
from tests.mutation.limits import limit_time
from tests.mutation.modules import named_tests
from tests.mutation.mutants import ROOT, Mutant
from tests.mutation.verdict import Results, Verdict
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["run"]

_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # this program has imported the package already
_OPTIONS = [
    "-p",
    "no:randomly",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "-o",
    "timeout=0",
    "-s",
    "-q",
    "--tb=no",
    "--no-header",
    *_QUIET,
]
_SECONDS = 10.0  # for one test; a mutant that lets a test wait takes no CPU time meanwhile
_CANNOT_INSTALL = 99


def run(
    mutants: Sequence[Mutant], tests: Sequence[str], results: Results, *, processes: int, budget: float, folder: Path
) -> None:
    """Run the tests on each mutant, and record its verdict.

    :param budget: seconds of CPU time that other tests than those of the module itself may take on one mutant.
    :param folder: where coverage is kept from run to run.
    """
    session = _Session(mutants, results, processes, budget, folder)
    status = pytest.main([*_OPTIONS, "-m", "not process", *tests], plugins=[session])
    if status not in (0, 5):
        raise SystemExit(f"the tests could not be collected ({status})")


class _Session:
    """Plugin of pytest that runs mutants instead of the collected tests."""

    def __init__(
        self, mutants: Sequence[Mutant], results: Results, processes: int, budget: float, folder: Path
    ) -> None:
        self._budget = budget
        self._mutants = mutants
        self._results = results
        self._processes = processes
        self._coverage = folder / "coverage.json"
        self._server: RedisServer | None = None
        self._items: dict[str, pytest.Item] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> object:
        """Give each fork the Redis of its parent."""
        if fixturedef.argname != "webhook_kit_redis_server":
            return None
        fixturedef.cached_result = (self._server, fixturedef.cache_key(request), None)
        return self._server

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Report a failure without its traceback, because to describe what a mutant leaves behind can take minutes."""
        skipped = call.excinfo is not None and isinstance(call.excinfo.value, pytest.skip.Exception)
        outcome: Any = "skipped" if skipped else "failed" if call.excinfo is not None else "passed"
        when: Any = call.when
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, outcome, when)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items}
        for item in session.items:
            limit_examples(item)
        gc.collect()
        functions = all_functions()
        gc.freeze()
        coverage = self._cover()
        print(f"{len(self._items)} tests, {len(self._mutants)} mutants to run", flush=True)
        self._in_shares(self._mutants, lambda share: self._judge_all(share, coverage, functions))
        return True

    # -- processes -----------------------------------------------------------------------------------------------------

    def _in_shares(self, things: Sequence[Any], work: Callable[[Sequence[Any]], None]) -> None:
        """Let each process work on a share of the things, with a Redis of its own."""
        children = []
        for number in range(self._processes):
            child = os.fork()
            if child == 0:
                with _leaving(0), RedisServer(options={"appendonly": "no"}) as self._server:
                    work(things[number :: self._processes])
            children.append(child)
        for child in children:
            os.waitpid(child, 0)

    def _judge_all(self, mutants: Sequence[Mutant], coverage: Mapping[str, Any], functions: Functions) -> None:
        killers: dict[str, list[str]] = {}
        for mutant in mutants:
            covering = [test for test, entry in coverage.items() if is_covered(mutant, entry["lines"])]
            known = [test for test in killers.get(mutant.path, []) if test in covering]
            order = [*known, *self._affordable(mutant, sorted(set(covering) - set(known)), coverage)]
            started = time.monotonic()
            verdict, killer = self._judge_twice(mutant, order, functions) if order else (Verdict.UNCOVERED, "")
            if killer:
                listed = killers.setdefault(mutant.path, [])
                if killer in listed:
                    listed.remove(killer)
                listed.insert(0, killer)
            self._results.add(mutant, verdict, killer, time.monotonic() - started)

    def _affordable(self, mutant: Mutant, tests: list[str], coverage: Mapping[str, Any]) -> list[str]:
        """Return the tests that are named after the module, then the fastest of the others, as many as the budget allows."""
        named = named_tests(mutant.path)
        fastest = sorted(tests, key=lambda test: (not test.startswith(named), float(coverage[test]["seconds"])))
        spent = accumulate(0.0 if test.startswith(named) else float(coverage[test]["seconds"]) for test in fastest)
        return [test for test, total in zip(fastest, spent, strict=True) if total <= self._budget]

    def _judge_twice(self, mutant: Mutant, tests: Sequence[str], functions: Functions) -> tuple[Verdict, str]:
        """Run tests on a mutant. If the one that fails passes the second time, the machine was busy: run all of them again."""
        verdict, killer = self._judge(mutant, tests, functions)
        if killer and self._judge(mutant, [killer], functions)[0].survives:
            return self._judge(mutant, tests, functions)
        return verdict, killer

    def _judge(self, mutant: Mutant, tests: Sequence[str], functions: Functions) -> tuple[Verdict, str]:
        """Run tests on a mutant in a fork."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with _leaving(_CANNOT_INSTALL):
                try:
                    install(mutant, functions)
                except CannotInstall:
                    os._exit(_CANNOT_INSTALL)
                except BaseException:  # noqa: BLE001 - a module that cannot be imported would fail each test
                    os._exit(1)
                os._exit(self._run_tests(tests, writing))
        os.close(writing)
        status = os.waitpid(child, 0)[1]
        with os.fdopen(reading) as file:
            ran = file.read().splitlines()
        self._clean_up(killed=os.WIFSIGNALED(status))
        if status == 0:
            return Verdict.SURVIVED, ""
        if os.WIFSIGNALED(status):
            return Verdict.TIMED_OUT, ran[-1] if ran else ""
        return (
            (Verdict.INVALID, "")
            if os.WEXITSTATUS(status) == _CANNOT_INSTALL
            else (Verdict.KILLED, ran[-1] if ran else "")
        )

    def _clean_up(self, *, killed: bool) -> None:
        assert self._server is not None
        if killed:  # a script may run for ever
            self._server.kill()
            self._server.start()
            return
        with suppress(redis.RedisError), redis.Redis.from_url(self._server.url, socket_timeout=10) as client:
            client.flushall()

    def _run_tests(self, tests: Sequence[str], writing: int) -> int:
        """Run tests in a fork until one fails. Return the exit status."""
        items = [self._items[test] for test in tests]
        servers = [self._server.pid] if self._server else []
        for item, following in zip(items, [*items[1:], None], strict=False):
            os.write(writing, f"{item.nodeid}\n".encode())
            limit_time(_SECONDS, servers)
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return 1
        return 0

    # -- coverage ------------------------------------------------------------------------------------------------------

    def _cover(self) -> dict[str, Any]:
        """Return lines and seconds of each test that passes; run those of which they are not known."""
        known = json.loads(self._coverage.read_text()) if self._coverage.exists() else {}
        missing = [test for test in self._items if not _is_fresh(known.get(test))]
        print(f"finding out what {len(missing)} of {len(self._items)} tests cover …", flush=True)
        parts = self._coverage.with_suffix(".parts")
        parts.unlink(missing_ok=True)
        parts.touch()
        self._in_shares(missing, lambda share: self._cover_share(share, parts))
        for line in parts.read_text().splitlines():
            known.update(json.loads(line))
        self._coverage.write_text(json.dumps(known))
        for test in self._items:
            if not known.get(test, {}).get("passed"):
                print(f"left out, because it fails without a mutant: {test}", flush=True)
        return {test: known[test] for test in self._items if known.get(test, {}).get("passed")}

    def _cover_share(self, tests: Sequence[str], parts: Path) -> None:
        items = [self._items[test] for test in tests]
        for item, following in zip(items, [*items[1:], None], strict=False):
            reports: list[pytest.TestReport] = []
            started = time.process_time(), time.monotonic()
            lines: Lines = watch(lambda: reports.extend(runtestprotocol(item, log=False, nextitem=following)))  # noqa: B023
            seconds = max(time.process_time() - started[0], (time.monotonic() - started[1]) / 10)
            passed = not any(report.failed for report in reports)
            entry = {
                "lines": lines,
                "seconds": round(seconds, 3),
                "passed": passed,
                "digests": {file: _digest(file) for file in (_file(item.nodeid), *lines) if file.endswith(".py")},
            }
            with parts.open("a") as file:
                file.write(json.dumps({item.nodeid: entry}) + "\n")


@contextmanager
def _leaving(status: int) -> Iterator[None]:
    """End a fork after the block, in every case."""
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)  # of the tests
        if status:
            os.dup2(quiet, 2)
        yield
    except BaseException as error:  # noqa: BLE001
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(status or 1)
    os._exit(status)


def _file(test: str) -> str:
    return test.partition("::")[0]


def _is_fresh(entry: Mapping[str, Any] | None) -> bool:
    """Return True if neither the test nor a module that it covers has changed since; of a script only the name is recorded."""
    return entry is not None and all(_digest(file) == digest for file, digest in entry["digests"].items())


@cache
def _digest(file: str) -> str:
    path = ROOT / file
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest() if path.exists() else ""
