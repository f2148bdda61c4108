"""Run the tests on every mutant, and print figures: ``python -m tests.mutation [MODULE ...]``.

A module is named by the end of its path (``placement/settlement.py``) or by its room (``price``). ``--sample N`` runs at most N
mutants per module, chosen by ``--seed``; ``--survivors`` runs only those that survived so far and have no reason; ``--list`` runs nothing,
and prints the survivors so far.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.mutation.modules import chosen
from tests.mutation.mutants import ROOT, Mutant, mutants_of
from tests.mutation.runner import run
from tests.mutation.verdict import Results, Verdict, complaints, known_survivors, summary

SURVIVORS = Path(__file__).with_name("survivors.toml")


def main() -> int:
    """Run the chosen mutants. Return 1 if one survives without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--budget", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutation")
    parser.add_argument("--in-copy", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.in_copy and not options.list:
        _go_on_in_a_copy(options.folder)
    results = Results(options.folder / "results.jsonl", _digest_of_tests())
    known = known_survivors(SURVIVORS)
    everything: list[Mutant] = []
    for room, files in chosen(options.modules):
        of_files = [mutants_of(path) for path in files]
        everything += [mutant for mutants in of_files for mutant in mutants]
        mutants = [mutant for each in of_files for mutant in _sample(each, options.sample, options.seed)]
        pending = [mutant for mutant in mutants if not results.holds(mutant)]
        if options.survivors:
            pending = [mutant for mutant in pending if results.of(mutant) is not None and mutant.name not in known]
        if pending and not options.list:
            print(f"{room.name}: {len(mutants)} mutants, {len(mutants) - len(pending)} known", flush=True)
            limits = {"processes": options.processes, "budget": options.budget, "folder": options.folder}
            _in_a_process(partial(run, pending, room.test_files(), results, **limits))
    results.reload()
    return _report(everything, results, known)


def _go_on_in_a_copy(folder: Path) -> None:
    """Run this program in a copy of the tree, so that the tree can be worked on meanwhile."""
    folder = folder.absolute()
    copy = folder / "tree"
    shutil.rmtree(copy, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if not (ROOT / name).is_file():  # deleted, but not yet from the index
            continue
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    os.chdir(copy)
    arguments = ["-m", "tests.mutation", *sys.argv[1:], "--in-copy", "--folder", str(folder)]
    os.execv(sys.executable, [sys.executable, *arguments])


def _in_a_process(call: Callable[[], None]) -> None:
    """Call in a fork: a session of pytest imports modules, which the next one would find."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            call()
            status = 0
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the run ended early; the next one goes on with what is left")


def _report(mutants: Sequence[Mutant], results: Results, known: Mapping[str, str]) -> int:
    total = Counter[str]()
    print(f"{'mutants':>8}{'killed':>8}{'timed out':>11}{'survived':>10}{'not run':>9}")
    for path, counts in summary(mutants, results):
        print(_line(counts, path))
        total += counts
    print(_line(total, "all"))
    print(json.dumps({"all": total.total(), **total}))
    wrong, outdated = complaints(mutants, results, known)
    for line in (*outdated, *wrong):
        print(line)
    return 1 if wrong else 0


def _line(counts: Counter[str], name: str) -> str:
    survived = counts[Verdict.SURVIVED] + counts[Verdict.UNCOVERED]
    valid = counts.total() - counts[Verdict.INVALID]
    return f"{valid:>8}{counts[Verdict.KILLED]:>8}{counts[Verdict.TIMED_OUT]:>11}{survived:>10}{counts['unknown']:>9}  {name}"


def _sample(mutants: list[Mutant], size: int | None, seed: int) -> list[Mutant]:
    """Return some mutants; a larger sample contains a smaller one of the same seed."""
    return mutants if size is None else random.Random(seed).sample(mutants, len(mutants))[:size]


def _digest_of_tests() -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if Path(__file__).parent not in path.parents:
            digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
