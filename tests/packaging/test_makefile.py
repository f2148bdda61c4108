"""``make demo`` and ``make install``: what they install, with which installer, and that they install it once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[2]

STUB = """#!/bin/sh
# Stands for python, pip, uv and webhook-kit: records each call, creates "virtual environments", and fails if told so.
name=$(basename "$0")
echo "$name $*" >> calls
[ "$2" = venv ] && mkdir -p "$3/bin" && for each in python pip uv webhook-kit; do cp "$0" "$3/bin/$each"; done
[ "$name" != "$FAILING" ]
"""


class Checkout:
    """The Makefile and the files on which it depends, with stubs instead of Python and what is installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for path in (Path("Makefile"), Path("setup.cfg"), Path("pyproject.toml"), Path("adapters/http/setup.cfg")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
        (folder / "stub").write_text(STUB)
        (folder / "stub").chmod(0o755)

    def make(self, target: str, *, failing: str = "") -> tuple[list[str], str]:
        """Make a target; return the calls that install, without the installation of uv itself, and the output."""
        (self._folder / "calls").write_text("")
        env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = subprocess.run(
            ["make", "PYTHON=./stub", "VENV=.venv", target],
            cwd=self._folder,
            env=env | {"FAILING": failing},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        calls = (self._folder / "calls").read_text().splitlines()
        return [call for call in calls if " install " in call and not call.endswith("uv >= 0.8")], done.stdout

    def touch(self, name: str) -> None:
        """Let a file be newer than everything that was made."""
        stamps = [path.stat().st_mtime for path in self._folder.rglob("*") if path.is_file()]
        os.utime(self._folder / name, times=(max(stamps) + 1, max(stamps) + 1))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_demo_installs_only_what_it_needs_and_says_so_first(checkout: Checkout) -> None:
    (call,), output = checkout.make("demo")
    assert call.startswith("uv pip install ")
    assert call.endswith(" --editable .[redis]")
    first, second, *_ = output.splitlines()
    assert first.startswith("creating a virtual environment")
    assert second.startswith("installing what the demo needs")


def test_second_demo_installs_nothing(checkout: Checkout) -> None:
    checkout.make("demo")
    calls, output = checkout.make("demo")
    assert (calls, output.splitlines()) == ([], [".venv/bin/webhook-kit dev bogus --demo --option outcomes=hidden"])


def test_install_installs_everything_says_so_first_and_is_sufficient_for_the_demo(checkout: Checkout) -> None:
    (call,), output = checkout.make("install")
    assert call.endswith(" --editable .[test] --editable ./adapters/http[test]")
    assert output.splitlines()[1].startswith("installing everything")
    assert checkout.make("install")[0] == checkout.make("demo")[0] == []


def test_install_after_the_demo_installs_the_rest(checkout: Checkout) -> None:
    checkout.make("demo")
    (call,), output = checkout.make("install")
    assert ".[test]" in call
    assert "creating" not in output


def test_changed_requirements_are_installed(checkout: Checkout) -> None:
    checkout.make("install")
    checkout.touch("setup.cfg")
    assert len(checkout.make("demo")[0]) == 1
    assert ".[test]" in checkout.make("install")[0][0], "the demo's installation leaves the other one to be renewed"


@pytest.mark.parametrize("target", ["demo", "install"])
def test_pip_installs_when_uv_fails(checkout: Checkout, target: str) -> None:
    (with_uv, with_pip), output = checkout.make(target, failing="uv")
    assert with_uv.startswith("uv pip install ")
    assert with_pip.startswith("python -m pip install ")
    assert with_pip.partition("--editable")[2] == with_uv.partition("--editable")[2]
    assert "uv failed" in output
    assert checkout.make(target)[0] == []


def test_bench_runs_every_benchmark() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (prerequisites,) = re.findall(r"^bench: ([^#]*)", makefile, re.MULTILINE)
    assert sorted(prerequisites.split()) == sorted(re.findall(r"^(bench-\w+):", makefile, re.MULTILINE))
