"""Let an installation live through a storm, and print a report: ``python -m tests.storm --minutes 5 --seed 1``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.storm.options import StormOptions
from tests.storm.report import print_report
from tests.storm.storm import Storm
from webhook_kit import logs


def main() -> int:
    """Run a storm. Return 1 if a promise was broken."""
    options = _options()
    logs.configure("ERROR", "console")  # the report is what this process prints
    print(f"seed {options.seed}; logs of all processes: {options.directory}", flush=True)
    began = time.monotonic()
    with Storm.of(options, lambda line: print(line, flush=True)) as storm:
        print(f"started after {time.monotonic() - began:.0f} s", flush=True)
        storm.rage()
        print("calm", flush=True)
        storm.calm_down()
        return print_report(storm)


def _options() -> StormOptions:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stores", type=int, default=200)
    parser.add_argument("--rate", type=float, default=5.0, help="orders a second between bursts")
    parser.add_argument("--burst", type=int, default=40, help="orders of a burst")
    parser.add_argument("--patience", type=int, default=80, help="orders that may wait before customers go elsewhere")
    parser.add_argument("--faults", default="", help="only these kinds, separated by commas")
    parser.add_argument("--directory", type=Path, help="for the logs; a new one in the directory of temporary files")
    parser.add_argument(
        "--redis", choices=("single", "sentinel", "seed"), default="seed", help="by the seed: every third has sentinels"
    )
    given = parser.parse_args()
    directory = given.directory or Path(tempfile.mkdtemp(prefix="storm-"))
    directory.mkdir(parents=True, exist_ok=True)
    kinds = tuple(kind.strip() for kind in given.faults.split(",") if kind.strip())
    return StormOptions(
        given.seed,
        given.minutes * 60,
        directory,
        stores=given.stores,
        rate=given.rate,
        burst=given.burst,
        patience=given.patience,
        kinds=kinds,
        sentinels=given.redis == "sentinel" or (given.redis == "seed" and given.seed % 3 == 0),
    )


if __name__ == "__main__":
    sys.exit(main())
