"""What has changed of a vendor's code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from webhook_kit.dev.files import Files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def load(name: str) -> str:
    importlib.import_module(name)
    return name


def test_a_module_and_its_neighbours(here: Path) -> None:
    (here / "lone_pos.py").write_text("x = 1\n")
    files = Files(load("lone_pos"))
    assert files.changed() == []
    (here / "lone_pos.py").write_text("x = 1000\n")
    (here / "helper.py").write_text("")
    assert files.changed() == [here / "helper.py", here / "lone_pos.py"]
    assert files.changed() == []
    (here / "helper.py").unlink()
    assert files.changed() == [here / "helper.py"]
    (here / "deeper").mkdir()
    (here / "deeper" / "other.py").write_text("")
    (here / "notes.txt").write_text("")
    assert files.changed() == []
    del sys.modules["lone_pos"]


def test_a_package_to_its_depth(here: Path) -> None:
    (here / "deep_pos" / "inner").mkdir(parents=True)
    for file in ("__init__.py", "adapter.py", "inner/__init__.py"):
        (here / "deep_pos" / file).write_text("")
    files = Files(load("deep_pos.adapter"))
    (here / "deep_pos" / "inner" / "__init__.py").write_text("y = 1\n")
    (here / "outside.py").write_text("")
    assert files.changed() == [here / "deep_pos" / "inner" / "__init__.py"]
