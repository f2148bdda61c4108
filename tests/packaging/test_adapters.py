"""The adapters beside the kit are what a third party would ship: found by their entry point, built on public names alone."""

from __future__ import annotations

import ast
import configparser
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/setup.cfg"))
MODULES = sorted(path for folder in ADAPTERS for path in folder.glob("webhook_kit_*/**/*.py"))


def imported(source: Path) -> Iterator[tuple[str, str | None]]:
    """Every module that a file imports, and the name it takes from it."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def offered(module: str) -> set[str]:
    """Return the names in the ``__all__`` of a module of the kit, and its submodules."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    listed: set[str] = set()
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and ast.unparse(node).startswith("__all__") and node.value:
            listed = set(ast.literal_eval(node.value))
    return listed | ({inner.stem for inner in path.iterdir()} if path.is_dir() else set())


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_an_adapter_registers_itself_under_its_vendors_name(folder: Path) -> None:
    described = configparser.ConfigParser()
    described.read(folder / "setup.cfg")
    entry_points = described["options.entry_points"]["webhook_kit.adapters"]
    assert entry_points.strip().startswith(f"{folder.name} = webhook_kit_{folder.name}")
    assert (folder / "README.md").exists()
    assert (folder / f"webhook_kit_{folder.name}" / "py.typed").exists()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_adapter_takes_only_what_the_kit_offers(module: Path) -> None:
    private = [
        f"{source}.{name}"
        for source, name in imported(module)
        if source.partition(".")[0] == "webhook_kit" and name is not None and name not in offered(source)
    ]
    assert private == []


def test_the_kit_knows_no_adapter() -> None:
    known = [
        f"{path.relative_to(ROOT)}: {source}"
        for path in sorted((ROOT / "webhook_kit").rglob("*.py"))
        for source, _ in imported(path)
        if source.startswith("webhook_kit_")
    ]
    assert known == []


def test_the_readme_shows_what_the_adapters_can_do() -> None:
    text = (ROOT / "README.md").read_text()
    written = runpy.run_path(str(ROOT / "scripts" / "make_adapters.py"))["page"](text)
    assert text == written, "write it anew: make install; python scripts/make_adapters.py"
    missing = [folder.name for folder in ADAPTERS if f"(adapters/{folder.name}) |" not in written]
    assert missing == [], "make install"
