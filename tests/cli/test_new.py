"""``webhook-kit new`` writes a project that passes the contract suite at once, or writes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webhook_kit.errors import ConfigurationError
from webhook_kit.scaffold.project import render, write
from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[2]


def test_the_tests_of_a_new_project_pass_at_once(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "here" / "blue-door"
    result = run("new", "blue-door", "--output-dir", folder)
    assert (result.status, result.err) == (0, "")
    assert f"{folder}/blue_door/adapter.py" in result.out.splitlines()
    env = {**os.environ, "PYTHONPATH": str(folder)}
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        pytest_run, cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=4 * PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 25
    assert "failed" not in done.stdout


def test_every_name_of_the_template_is_replaced() -> None:
    files = render("blue-door")
    text = "\n".join([*files, *files.values()])
    assert not re.findall(r"my[-_]pos|MyPos", text)
    assert {"blue_door/__init__.py", "blue_door/py.typed", ".github/workflows/ci.yml", "tests/test_contract.py"} <= set(
        files
    )
    assert "    blue-door = blue_door:BlueDoor\n" in files["setup.cfg"]


def test_the_steps_are_numbered_in_order() -> None:
    files = render("blue-door")
    steps_of_readme = [int(step) for step in re.findall(r"^(\d)\. ", files["README.md"], re.MULTILINE)]
    assert steps_of_readme == list(range(1, 9))
    places = {
        "blue_door/adapter.py": [1, 2, 3, 4, 7],
        "tests/test_contract.py": [5],
        "blue_door/placeholder.py": [6],
    }
    for path, steps in places.items():
        assert [int(step) for step in re.findall(r"STEP (\d):", files[path])] == steps


def test_every_named_command_exists(run: Callable[..., Any]) -> None:
    files = render("blue-door")
    text = "\n".join(files[path] for path in ("README.md", "Procfile", ".github/workflows/ci.yml"))
    commands = set(re.findall(r"webhook-kit ([a-z]+)\b", text))
    assert {"certify", "check", "dev", "worker"} <= commands
    for command in commands:
        assert run(command, "--help").status == 0, command


def test_the_procfile_is_the_kits_own() -> None:
    assert render("blue-door")["Procfile"] == (ROOT / "Procfile").read_text()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Blue", "lower-case words"),
        ("blue_door", "lower-case words"),
        ("blue-", "lower-case words"),
        ("../blue", "lower-case words"),
        ("1st-pos", "lower-case words"),
        ("class", "lower-case words"),
        ("json", "already"),
        ("tests", "already"),
        ("webhook-kit", "already"),
        ("redis", "already"),
        ("flask", "already"),
        ("tomli-w", "already"),
        ("bogus", "already"),
        ("x" * 300, "a name has at most 60 characters"),
    ],
)
def test_a_wrong_name_is_an_error_and_nothing_is_written(
    name: str, complaint: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run("new", name, "--output-dir", tmp_path / "project")
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert line.startswith(f"webhook-kit: {name[:20]}")
    assert len(line) < 200
    assert complaint in line
    assert list(tmp_path.glob("project")) == []


def test_a_folder_with_a_name_that_is_too_long_is_one_line(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("new", "blue-door", "--output-dir", tmp_path / ("x" * 300))
    assert result.status == 1
    assert "cannot be written: File name too long" in result.err
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_changed(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    result = run("new", "blue-door", "--output-dir", folder)
    assert result.status == 1
    assert "exists already; nothing was written" in result.err
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_a_project_is_written_completely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text = Path.write_text

    def fail_on_full_disk(self: Path, text: str, *args: Any, **named: Any) -> int:
        if self.name == "test_contract.py":
            raise OSError(28, "No space left on device")
        return write_text(self, text, *args, **named)

    monkeypatch.setattr(Path, "write_text", fail_on_full_disk)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left on device"):
        write("blue-door", tmp_path / "project")
    assert list(tmp_path.iterdir()) == []
