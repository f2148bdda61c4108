"""Benchmark of the demo: ``python -m benchmarks.demo``, or ``make bench-demo``.

Every round measures the seconds from the command to the first order that the fake POS accepts, without a terminal:

``first``     ``make demo`` in a new clone of this checkout (what is committed), with empty caches of pip and uv
``again``     ``make demo`` once more in the same clone
``workshop``  the alternative: pip installs everything that the tests need, also in a new clone with empty caches; then the same demo

``install`` is the part until the demo itself starts, ``CPU`` the CPU time of all processes until the end of the demo. Packages are
downloaded, so the seconds depend on the network, too.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.surroundings import surroundings

ROUNDS = 2
TARGET = 0.33
"""Time to the first order, relative to ``workshop``."""

CHECKOUT = Path(__file__).parents[1]
DEMO = "webhook-kit dev bogus --demo --option outcomes=hidden"
"""The command that make prints when everything is installed."""

FIRST_ORDER = "place_order  accepted"
WORKSHOP = f"""
demo:
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --editable '.[test]' $(patsubst %,--editable './%[test]',$(wildcard adapters/*))
	.venv/bin/{DEMO}
"""
_OF_THIS_RUN = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"}
"""Variables that a person at a new terminal does not have."""


@dataclass(frozen=True)
class Run:
    """One run of the demo, in seconds."""

    install: float
    first_order: float
    cpu: float


def main() -> None:
    started = time.monotonic()
    runs: dict[str, list[Run]] = {"first": [], "again": [], "workshop": []}
    for number in range(ROUNDS):
        for measure in (_ours, _workshop)[:: -1 if number % 2 else 1]:
            with tempfile.TemporaryDirectory(prefix="webhook-kit-demo-") as directory:
                measure(Path(directory), runs)
    figures = {
        name: {
            field: round(median(getattr(run, field) for run in each), 1) for field in ("install", "first_order", "cpu")
        }
        for name, each in runs.items()
    }
    print(f"{'':10}{'install':>9}{'first order':>13}{'CPU':>8}   seconds, medians of {ROUNDS} rounds")
    for name, figure in figures.items():
        print(f"{name:10}{figure['install']:9.1f}{figure['first_order']:13.1f}{figure['cpu']:8.1f}")
    ratio = _ratio(runs, "first_order")
    print(f"first_vs_workshop {ratio} (target {TARGET} or less: {'met' if ratio <= TARGET else 'MISSED'})")
    results = {
        "first_vs_workshop": ratio,
        "cpu_vs_workshop": _ratio(runs, "cpu"),
        "install_share": round(figures["first"]["install"] / figures["first"]["first_order"], 2),
        "seconds_of": figures,
        "rounds": ROUNDS,
    }
    print(json.dumps(results | surroundings(started)))


def _ours(directory: Path, runs: dict[str, list[Run]]) -> None:
    clone = _clone(directory)
    for name in ("first", "again"):
        runs[name].append(_make_demo(clone, directory / "cache"))


def _workshop(directory: Path, runs: dict[str, list[Run]]) -> None:
    clone = _clone(directory)
    (clone / "Makefile").write_text(WORKSHOP)
    runs["workshop"].append(_make_demo(clone, directory / "cache"))


def _clone(directory: Path) -> Path:
    clone = directory / "webhook_kit"
    subprocess.run(["git", "clone", "--quiet", CHECKOUT, clone], check=True)
    return clone


def _make_demo(clone: Path, cache: Path) -> Run:
    env = {name: value for name, value in os.environ.items() if name not in _OF_THIS_RUN}
    env |= {"PYTHONUNBUFFERED": "1", "COLUMNS": "200", "PIP_CACHE_DIR": f"{cache}/pip", "UV_CACHE_DIR": f"{cache}/uv"}
    output: list[str] = []
    times: dict[str, float] = {}
    cpu, started = _children_cpu(), time.monotonic()
    with subprocess.Popen(
        ["make", f"PYTHON={sys.executable}", "demo"],
        cwd=clone,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            for mark in (DEMO, FIRST_ORDER):
                if mark in line:
                    times.setdefault(mark, time.monotonic() - started)
    if process.returncode != 0 or len(times) != 2:
        sys.exit(f"make demo failed with status {process.returncode}:\n{''.join(output)}")
    return Run(times[DEMO], times[FIRST_ORDER], _children_cpu() - cpu)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _ratio(runs: dict[str, list[Run]], field: str) -> float:
    pairs = zip(runs["first"], runs["workshop"], strict=True)
    ratio: float = median(getattr(ours, field) / getattr(theirs, field) for ours, theirs in pairs)
    return round(ratio, 2)


if __name__ == "__main__":
    main()
