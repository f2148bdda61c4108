"""Tests of the detection of changes in an adapter's files."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from webhook_kit.dev.files import SourceFiles


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def load(name: str) -> str:
    importlib.import_module(name)
    return name


def test_changes_of_a_module_and_of_the_files_beside_it_are_reported(folder: Path) -> None:
    (folder / "lone_pos.py").write_text("x = 1\n")
    files = SourceFiles(load("lone_pos"))
    assert files.changed() == []
    (folder / "lone_pos.py").write_text("x = 1000\n")
    (folder / "helper.py").write_text("")
    assert files.changed() == [folder / "helper.py", folder / "lone_pos.py"]
    assert files.changed() == []
    (folder / "helper.py").unlink()
    assert files.changed() == [folder / "helper.py"]
    (folder / "deeper").mkdir()
    (folder / "deeper" / "other.py").write_text("")
    (folder / "notes.txt").write_text("")
    assert files.changed() == []
    del sys.modules["lone_pos"]


def test_changes_anywhere_in_a_package_are_reported(folder: Path) -> None:
    (folder / "deep_pos" / "inner").mkdir(parents=True)
    for file in ("__init__.py", "adapter.py", "inner/__init__.py"):
        (folder / "deep_pos" / file).write_text("")
    files = SourceFiles(load("deep_pos.adapter"))
    (folder / "deep_pos" / "inner" / "__init__.py").write_text("y = 1\n")
    (folder / "outside.py").write_text("")
    assert files.changed() == [folder / "deep_pos" / "inner" / "__init__.py"]
