"""Benchmark of the command line: ``python -m benchmarks.cli``, or ``make bench-cli``.

Measures the CPU seconds (user and system) of whole processes, medians of interleaved rounds, because most of a command's time is
imports. The limits beside it: Python that only imports click, and Python that only imports redis and sends a PING. Compiled
modules are kept in a folder of the benchmark, as an installation keeps them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from benchmarks.surroundings import surroundings
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 5
AIM = 0.4
"""Seconds of CPU at most."""
COMMANDS = (
    *(
        "--help",
        "order list --help",
        "outbox --help",
        "stores pause --help",
        "serve --help",
        "catalog --help",
        "dev --help",
        "trigger --help",
        "completion bash",
    ),
    *("outbox", "outbox --json", "outbox dead-letters", "order list --json", "order incidents", "stores list --local"),
)


def main() -> None:
    started = time.monotonic()
    with RedisServer() as redis, tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "REDIS_URL": redis.url, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        python = [sys.executable, "-c"]
        processes = {
            "import click": [*python, "import click"],
            "import redis, PING": [*python, f"import redis; redis.Redis.from_url({redis.url!r}).ping()"],
            "import webhook_kit": [*python, "import webhook_kit"],
            "import webhook_kit.app": [*python, "import webhook_kit.app"],
        } | {command: [sys.executable, "-m", "webhook_kit.cli", *command.split()] for command in COMMANDS}
        for process in processes.values():
            _cpu(process, env)
        runs: dict[str, list[float]] = {name: [] for name in processes}
        for _ in range(ROUNDS):
            for name, process in processes.items():
                runs[name].append(_cpu(process, env))
    seconds = {name: round(median(each), 3) for name, each in runs.items()}
    for name, each in seconds.items():
        print(f"{name:24}{each:8.3f} s of CPU")
    slowest = max(COMMANDS, key=seconds.__getitem__)
    met = seconds[slowest] <= AIM
    print(f"slowest command: {slowest}, {seconds[slowest]} s (target {AIM}: {'met' if met else 'MISSED'})")
    print(json.dumps({"cpu_seconds": seconds, "rounds": ROUNDS} | surroundings(started)))


def _cpu(process: list[str], env: dict[str, str]) -> float:
    """Run a process and return the seconds of CPU that it used."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(process, env=env, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
