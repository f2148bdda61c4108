"""Benchmark of an installation at rest: ``python -m benchmarks.idle``, or ``make bench-idle``.

One store of the fake POS, no order, no probe. Each process of the Procfile runs alone on a Redis of its own, after half a minute in
which it starts; then for a minute:

``commands``    per second, as Redis receives them (``MONITOR``); some services bill by them
``in scripts``  per second, called by scripts
``cpu``         per cent of one core
``memory``      MB, what processes share counted once (PSS)

The load of the machine changes only the CPU time, and that little.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psutil
import redis

from benchmarks.surroundings import surroundings
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.testing.processes import Process, free_port
from webhook_kit.testing.redis_server import RedisServer

COMMANDS = {
    "web, 2 processes": "webhook-kit serve",
    "push": "webhook-kit worker push",
    "sync": "webhook-kit worker sync",
    "console": "webhook-kit console serve",
    "metrics": "webhook-kit metrics serve",
}
START = 30.0
SECONDS = 60.0
SECRET, API_KEY = "whsec_benchmark", "key_benchmark"


def main() -> None:
    started = time.monotonic()
    figures = {name: measure(command) for name, command in COMMANDS.items()}
    print(json.dumps({"benchmark": "idle", "figures": figures, **surroundings(started)}))


def measure(command: str) -> dict[str, float]:
    """Run a process alone, and return its figures."""
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer())
        folder = Path(stack.enter_context(TemporaryDirectory()))
        gett = LocalGett("", SECRET, API_KEY, str(uuid4()))
        environment = {
            "REDIS_URL": server.url,
            "GETT_API_URL": stack.enter_context(gett.serve()),
            "GETT_API_KEY": API_KEY,
            "GETT_WEBHOOK_SECRETS": SECRET,
            "POS_ADAPTER": "bogus",
            "GETT_STORE_ID": gett.store_id,
            "STORE_OPTIONS": json.dumps({"file": str(folder / "pos.sqlite")}),
            "CONSOLE_PASSWORDS": "true",
            "PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
        }
        process = stack.enter_context(Process(command.split(), env=environment))
        time.sleep(START)
        main_process = psutil.Process(process.pid)
        tree = [main_process, *main_process.children(recursive=True)]
        before = _cpu(tree)
        clients, scripts = _count(server)
        memory = sum(each.memory_full_info().pss for each in tree)
        cpu = (_cpu(tree) - before) / SECONDS
        return {
            "commands": round(clients / SECONDS, 1),
            "in scripts": round(scripts / SECONDS, 1),
            "cpu": round(100 * cpu, 2),
            "memory": round(memory / 1e6),
        }


def _cpu(tree: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (each.cpu_times() for each in tree))


def _count(server: RedisServer) -> tuple[int, int]:
    """Return the commands of clients and of scripts within the time."""
    found: Counter[bool] = Counter()
    watching = redis.Redis.from_url(server.url, socket_timeout=2 * SECONDS)
    with watching, redis.Redis.from_url(server.url) as ending:
        ending.ping()  # connects before anything is counted
        with watching.monitor() as monitor:  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            # The last command ends the reading, which otherwise waits for a further one.
            timer = threading.Timer(SECONDS, lambda: ending.echo("benchmark ends"))
            timer.start()
            for seen in monitor.listen():
                if "benchmark ends" in seen["command"]:
                    break
                found[seen["client_type"] == "lua"] += 1
            timer.join()
    return found[False], found[True]


if __name__ == "__main__":
    main()
