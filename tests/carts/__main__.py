"""Judge many drawn carts by kit and oracle: ``python -m tests.carts --carts 1000000 --seed 7``, or ``make carts``.

It prints how many carts broke each rule and had each shape; the last line is JSON with the other figures. Every disagreement is printed with its seed and number, and as small as possible;
``--cart NUMBER`` shows a single cart again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context

from tests.carts.cases import CARTS_PER_CATALOG
from tests.carts.features import RULES, SHAPES
from tests.carts.run import Report, run

CHUNK = 100 * CARTS_PER_CATALOG


def main() -> int:
    """Run the carts on all cores. Return 1 if kit and oracle disagree about one, or if a rule or shape was never drawn."""
    parser = argparse.ArgumentParser(description="Judge drawn carts by the kit and by the oracle.")
    parser.add_argument("--carts", type=int, default=1_000_000, help="number of carts")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="number from which they are drawn")
    parser.add_argument("--cart", type=int, help="run only the cart with this number")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="carts that are judged at once")
    arguments = parser.parse_args()
    started, report = time.monotonic(), Report()
    with get_context("fork").Pool(arguments.processes) as pool:
        for part in pool.imap_unordered(partial(run, arguments.seed), _ranges(arguments.carts, arguments.cart)):
            report.add(part)
            for text in part.disagreements:
                print(text, flush=True)
            if sys.stderr.isatty():
                print(f"\r{report.carts:,} carts", end="", file=sys.stderr, flush=True)
    for name in [*RULES, *SHAPES]:
        print(f"{report.drawn[name]:>9,} {report.drawn[name] / report.carts:>7.2%}  {name}")
    rarest = min([*RULES, *SHAPES], key=lambda name: report.drawn[name])
    figures = {
        "carts": report.carts,
        "seed": arguments.seed,
        "accepted": report.accepted,
        "refused": report.carts - report.accepted,
        "disagreeing": report.disagreeing,
        "rarest": {rarest: report.drawn[rarest]},
        "processes": arguments.processes,
        "seconds": round(time.monotonic() - started),
    }
    print(json.dumps(figures))
    return 1 if report.disagreeing or (arguments.cart is None and not report.drawn[rarest]) else 0


def _ranges(carts: int, single: int | None) -> Iterator[range]:
    if single is not None:
        yield range(single, single + 1)
        return
    for first in range(0, carts, CHUNK):
        yield range(first, min(carts, first + CHUNK))


if __name__ == "__main__":
    sys.exit(main())
