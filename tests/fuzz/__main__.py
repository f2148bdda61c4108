"""Fuzz every parser of outside text, and print the figures: ``python -m tests.fuzz [TARGET …] [--runs N | --minutes M]``.

What libFuzzer finds interesting is kept in ``build/fuzz``. An input that shows a fault becomes a file of the corpus, which
``make test`` replays. ``--renew`` replaces the corpus by the smallest one that reaches the same code.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import capture_logs

from tests.fuzz.growth import judge_growth
from tests.fuzz.oracle import Fault
from tests.fuzz.surroundings import Surroundings
from tests.fuzz.targets import NAMES, all_targets
from webhook_kit.testing.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
WORK = ROOT / "build" / "fuzz"
LIMITS = ["-max_len=16000", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]
CLOCKS = ["-timeout=1200", "-report_slow_units=1200"]
"""Seconds of one input until libFuzzer ends the process. The oracle judges CPU time; a busy machine takes as long as it likes."""
LONGEST_KEPT = 4_000
"""Bytes of a file of the corpus at most, except for those that showed a fault."""
KEPT = 80
"""Files of a target's corpus at most, besides the seeds and those that showed a fault."""
SHARES = {
    **dict.fromkeys(("signature", "hours", "price", "text", "printing", "archived_order", "order_record"), 10),
    **dict.fromkeys(("web_request", "validate_order", "place_order", "pos_events", "http_events", "square_events"), 3),
    **dict.fromkeys(("token", "order_event", "odoo_events", "catalog", "gett_answers", "messagepack"), 3),
}
"""Inputs of a target, in proportion to one that is not here: more of what is parsed fast, and of what anybody can send."""


@dataclass(frozen=True)
class Outcome:
    """Result of fuzzing one target."""

    name: str
    runs: int
    seconds: float
    """CPU time of the process, with its start and the corpus."""
    fault: str

    def __str__(self) -> str:
        rate = self.runs / max(self.seconds, 1e-9)
        return (
            f"{self.name:<16} {self.runs:>9,} inputs {self.seconds:>7.0f} s {rate:>7,.0f}/s  {self.fault or 'no fault'}"
        )


def fuzz(name: str, *options: str) -> Outcome:
    """Run one target under atheris in a process of its own."""
    found = WORK / name
    found.mkdir(parents=True, exist_ok=True)
    with RedisServer(options={"appendonly": "no", "save": ""}) as server, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz.drive", name, server.url, folder, *LIMITS, *CLOCKS, *options]
        places = [f"-artifact_prefix={CORPUS / name}/", f"-dict={CORPUS.parent / 'dictionary.txt'}", str(found)]
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen([*command, *places, str(CORPUS / name)], stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said = log.read_text(errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)", said)
    fault = re.search(r"^Fault: (.*)", said, re.MULTILINE)
    why = fault[1] if fault else f"status {process.returncode}: {said[-2_000:]}" if process.returncode else ""
    return Outcome(name, int(runs[1]) if runs else 0, usage.ru_utime + usage.ru_stime, why)


def limits_of(names: list[str], runs: int, seconds: float | None) -> list[str]:
    """Return libFuzzer's option that ends each target.

    :param runs: inputs of all targets together, if no time is given.
    :param seconds: time of all targets together.
    """
    if seconds:
        return [f"-max_total_time={max(1, int(seconds / len(names)))}"] * len(names)
    shares = [SHARES.get(name, 1) for name in names]
    return [f"-runs={math.ceil(runs * share / sum(shares))}" for share in shares]


def grow(names: list[str]) -> list[str]:
    """Let the parts of each target's seeds grow; print the cost per byte, and return the faults."""
    faults = []
    with (
        RedisServer(options={"appendonly": "no", "save": ""}) as server,
        tempfile.TemporaryDirectory() as folder,
        capture_logs() as log,
    ):
        targets = all_targets(Surroundings(server.url, Path(folder), log))
        for name in names:
            seeds = [file.read_bytes() for file in sorted((CORPUS / name).glob("seed-*"))]
            try:
                print(f"{name:<16} {judge_growth(targets[name], seeds, log):>7.2f} µs a byte at most", flush=True)
            except Fault as fault:
                faults.append(str(fault))
                print(f"{name:<16} {fault}", flush=True)
    return faults


def renew(name: str) -> None:
    """Replace a corpus by the smallest files that reach the same code; its seeds and what showed a fault stay."""
    with tempfile.TemporaryDirectory() as folder:
        smallest = Path(folder) / "smallest"
        smallest.mkdir()
        fuzz(name, "-merge=1", f"-max_len={LONGEST_KEPT}", str(smallest))
        kept = sorted(smallest.iterdir(), key=lambda file: file.stat().st_size)[:KEPT]
        for file in (CORPUS / name).iterdir():
            if not file.name.startswith(("seed-", "crash-", "timeout-", "oom-")):
                file.unlink()
        known = {file.read_bytes() for file in (CORPUS / name).iterdir()}
        for file in kept:
            if file.read_bytes() not in known:
                shutil.copy(file, CORPUS / name / file.name[:12])


def main() -> int:
    """Fuzz the targets named on the command line, or all of them. Return 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs of all targets together")
    parser.add_argument("--minutes", type=float, help="minutes of all targets together, instead of a number of inputs")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="targets that are fuzzed at once")
    parser.add_argument("--renew", action="store_true", help="renew the corpus from build/fuzz, and end")
    given = parser.parse_args()
    names = given.targets or list(NAMES)
    at_once = given.processes
    with ThreadPoolExecutor(at_once) as pool:
        if given.renew:
            list(pool.map(renew, names))
            return 0
        limits = limits_of(names, given.runs, given.minutes and given.minutes * 60 * at_once)
        outcomes = []
        for outcome in pool.map(fuzz, names, limits):
            outcomes.append(outcome)
            print(outcome, flush=True)
    faults = [outcome.fault for outcome in outcomes if outcome.fault] + grow(names)
    print(f"{sum(outcome.runs for outcome in outcomes):,} inputs; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
