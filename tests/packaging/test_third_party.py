"""A third party's adapter: built as a wheel, installed in a fresh environment, and certified there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from webhook_kit.scaffold.project import render

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "examples" / "third_party_adapter"
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*_cache", ".hypothesis", "*.sqlite")
SECONDS = 600


def run(*command: str | Path, cwd: Path) -> str:
    # Without the packages of this environment and without the checkout.
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], check=False, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wheel(project: Path, work: Path) -> Path:
    """Build a wheel from a copy, because building writes beside the sources."""
    copy = work / project.name
    shutil.copytree(project, copy, ignore=IGNORED)
    out = work / f"{project.name}-wheel"
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", out)
    run(sys.executable, "-m", "pip", "wheel", *options, copy, cwd=work)
    (built,) = out.glob("*.whl")
    return built


def copy_of_kit(work: Path) -> Path:
    """Copy the kit's own sources, and nothing else of the checkout."""
    tree = work / "kit"
    tree.mkdir()
    shutil.copytree(ROOT / "webhook_kit", tree / "webhook_kit", ignore=IGNORED)
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tree)
    return tree


def test_the_example_is_the_output_of_the_scaffold() -> None:
    for path, text in render("corner-pos").items():
        assert (PROJECT / path).read_text() == text, (
            "webhook-kit new corner-pos --output-dir examples/third_party_adapter"
        )


@pytest.mark.timeout(SECONDS)
def test_a_third_partys_wheel_is_certified_in_a_fresh_environment(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    ours, theirs = wheel(copy_of_kit(tmp_path), tmp_path / "built"), wheel(PROJECT, tmp_path / "built")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert uv, "uv is missing: make install"
    fresh = tmp_path / "fresh"
    run(uv, "venv", "--quiet", "--python", sys.executable, fresh, cwd=tmp_path)
    run(uv, "pip", "install", "--quiet", "--python", fresh, f"{ours}[testing]", theirs, cwd=tmp_path)

    vendor = tmp_path / "vendor"  # the vendor's tests, without the vendor's sources
    shutil.copytree(PROJECT / "tests", vendor / "tests", ignore=IGNORED)
    bin = fresh / "bin"
    assert "site-packages" in run(bin / "python", "-c", "import corner_pos; print(corner_pos.__file__)", cwd=vendor)
    rows = [line.split() for line in run(bin / "webhook-kit", "adapters", cwd=vendor).splitlines()]
    (row,) = [row for row in rows if row[:1] == ["corner-pos"]]
    assert row[:4] == ["corner-pos", "corner-pos", "0.1.0", "ok"]
    assert row[-1] == "look-up"
    shown = json.loads(run(bin / "webhook-kit", "adapters", "show", "corner-pos", "--json", cwd=vendor))
    assert [field["name"] for field in (*shown["options"], *shown["credentials"])] == ["file", "token"]
    subject = "tests.test_contract:TestCornerPos"
    output = run(bin / "webhook-kit", "certify", subject, "--json", "report.json", cwd=vendor)
    assert "not certified" not in output
    assert json.loads((vendor / "report.json").read_text())["results"]
