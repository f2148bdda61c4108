"""The adapters beside the kit are like a third party's: registered by an entry point, and built on public names only."""

from __future__ import annotations

import ast
import configparser
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/setup.cfg"))
EXAMPLES = [path for path in ROOT.glob("examples/**/*.py") if "build" not in path.parts]
TEMPLATES = ROOT.glob("webhook_kit/scaffold/template/*.py.template")
MODULES = sorted({*(path for folder in ADAPTERS for path in folder.glob("*/**/*.py")), *EXAMPLES, *TEMPLATES})


def imported(source: Path) -> Iterator[str]:
    """Yield every module that a file imports."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_an_adapter_is_registered_under_its_vendors_name(folder: Path) -> None:
    described = configparser.ConfigParser()
    described.read(folder / "setup.cfg")
    entry_points = described["options.entry_points"]["webhook_kit.adapters"]
    assert entry_points.strip().startswith(f"{folder.name} = webhook_kit_{folder.name}")
    assert (folder / "README.md").exists()
    assert (folder / f"webhook_kit_{folder.name}" / "py.typed").exists()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_adapters_and_examples_import_only_the_front_door(module: Path) -> None:
    inner = [name for name in imported(module) if name.startswith("webhook_kit.")]
    assert [name for name in inner if not name.startswith("webhook_kit.testing")] == [], "from webhook_kit import …"


def test_the_kit_imports_no_adapter() -> None:
    adapters = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in sorted((ROOT / "webhook_kit").rglob("*.py"))
        for module in imported(path)
        if module.startswith("webhook_kit_")
    ]
    assert adapters == []


def test_the_readmes_show_the_adapters_capabilities_and_options() -> None:
    pages: dict[Path, str] = runpy.run_path(str(ROOT / "scripts" / "make_adapters.py"))["pages"]()
    for page, text in pages.items():
        assert page.read_text() == text, f"{page}: make install; python scripts/make_adapters.py"
    assert {folder / "README.md" for folder in ADAPTERS} <= set(pages), "make install"
