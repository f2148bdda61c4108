"""``make test`` runs every step to its end, and prints a result for each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "run_steps.py"
MAKEFILE = "first last:\n\techo this is $@\n\nmiddle:\n\tfalse\n"


@pytest.mark.parametrize(("steps", "status"), [(["first", "last"], 0), (["first", "middle", "last"], 1)])
def test_a_failing_step_does_not_stop_the_others(steps: list[str], status: int, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    command = [sys.executable, str(SCRIPT), *steps]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "this is first" in done.stdout
    assert "this is last" in done.stdout
    *_, before_last, last = done.stdout.splitlines()
    assert before_last.split()[:2] == ["last", "passed"]
    assert last.split()[0] == ("FAILED" if status else "passed")
    assert ("FAILED (2)" in done.stdout) is bool(status)
