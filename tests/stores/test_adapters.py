"""An adapter that cannot be used is named together with the one thing that is wrong with it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from webhook_kit.adapter import Guarantee, PosAdapter
from webhook_kit.errors import (
    AdapterDuplicate,
    AdapterError,
    AdapterImportFailed,
    AdapterNotFound,
    AdapterWrongType,
)
from webhook_kit.stores.adapters import installed, load_adapter
from webhook_kit.testing.bogus import BogusAdapter

WHOLE = """
from webhook_kit.adapter import PosAdapter
class Pos(PosAdapter):
    def fetch_catalog(self, store): raise NotImplementedError
    def place_order(self, order, store, key): raise NotImplementedError
class Inner:
    Pos = Pos
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module of a name of its own into the current directory; it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    made: list[str] = []

    def write(code: str) -> str:
        made.append(f"pos_{uuid4().hex}")
        (tmp_path / f"{made[-1]}.py").write_text(code)
        importlib.invalidate_caches()
        return made[-1]

    yield write
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def package(module: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Install a distribution that registers an adapter under a name."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(adapter: str, target: str, distribution: str = "") -> str:
        distribution = distribution or f"dist-{uuid4().hex}"
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[webhook_kit.adapters]\n{adapter} = {target}\n")
        importlib.invalidate_caches()
        return distribution

    return install


def refused(kind: type[AdapterError], spec: str) -> str:
    with pytest.raises(AdapterError) as caught:
        load_adapter(spec)
    assert type(caught.value) is kind, repr(caught.value)
    assert repr(spec) in str(caught.value)
    return str(caught.value)


def test_a_registered_name_and_a_module_and_class_are_found() -> None:
    assert type(load_adapter("bogus")) is BogusAdapter
    assert type(load_adapter("webhook_kit.testing.bogus:BogusAdapter")) is BogusAdapter


def test_there_is_one_object_per_process() -> None:
    assert load_adapter("bogus") is load_adapter("bogus")


def test_a_module_of_the_current_directory_is_found_and_so_is_a_nested_class(module: Callable[[str], str]) -> None:
    name = module(WHOLE)
    assert isinstance(load_adapter(f"{name}:Pos"), PosAdapter)
    assert type(load_adapter(f"{name}:Inner.Pos")) is type(load_adapter(f"{name}:Pos"))


def test_a_name_that_is_not_installed_lists_what_is() -> None:
    said = refused(AdapterNotFound, "unheard-of")
    assert "installed: bogus" in said
    assert "module:Class" in said


@pytest.mark.parametrize(
    "spec", ["my-pos:Pos", "my_pos:", ":Pos", "a:b:c", "my pos:Pos", ".my_pos:Pos", "my_pos:Pos [x]"]
)
def test_what_cannot_be_a_module_and_class_is_told_how_to_write_it(spec: str) -> None:
    assert "write module:Class" in refused(AdapterNotFound, spec)


def test_a_module_that_is_not_there_is_told_from_one_whose_import_is_missing(module: Callable[[str], str]) -> None:
    assert "there is no module 'unheard_of'" in refused(AdapterNotFound, "unheard_of:Pos")
    assert "there is no module 'unheard_of'" in refused(AdapterNotFound, "unheard_of.deep:Pos")
    name = module("import unheard_of_dependency")
    said = refused(AdapterImportFailed, f"{name}:Pos")
    assert f"importing {name} failed" in said
    assert "unheard_of_dependency" in said


@pytest.mark.parametrize(
    "code", ["this is no Python", "raise RuntimeError('at import')", "1 / 0", "raise SystemExit(3)"]
)
def test_a_module_that_breaks_while_it_is_imported_says_how(code: str, module: Callable[[str], str]) -> None:
    name = module(code)
    said = refused(AdapterImportFailed, f"{name}:Pos")
    assert f"importing {name} failed" in said
    assert "\n" not in said


def test_a_class_that_is_not_in_the_module_is_named(module: Callable[[str], str]) -> None:
    name = module(WHOLE)
    assert f"module {name} has no Poss" in refused(AdapterNotFound, f"{name}:Poss")


@pytest.mark.parametrize("code", ["class Pos: pass", "Pos = 7", "def Pos(): pass", f"{WHOLE}\nPos = Pos()"])
def test_what_is_no_adapter_class_is_the_wrong_type(code: str, module: Callable[[str], str]) -> None:
    assert "no subclass of webhook_kit.adapter.PosAdapter" in refused(AdapterWrongType, f"{module(code)}:Pos")


def test_a_class_whose_construction_fails_is_the_wrong_type(module: Callable[[str], str]) -> None:
    name = module(f"{WHOLE}\n    def __init__(self): raise RuntimeError('no licence')\nPos.__init__ = Inner.__init__")
    assert "no licence" in refused(AdapterWrongType, f"{name}:Pos")


def test_every_breach_of_the_contract_is_a_line(module: Callable[[str], str]) -> None:
    name = module(
        "from webhook_kit.adapter import *\n"
        "class Pos(PosAdapter):\n    capabilities = {Capability.QUOTE: Level.TESTED}\n"
    )
    lines = refused(AdapterWrongType, f"{name}:Pos").splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "Pos does not define fetch_catalog()",
        "Pos does not define place_order()",
        "Pos.capabilities says quote is tested, but Pos does not define quote()",
    ]


def test_a_name_claimed_by_two_packages_names_both(module: Callable[[str], str], package: Callable[..., str]) -> None:
    one, two = module(WHOLE), module(WHOLE)
    spec = f"twice-{uuid4().hex}"
    owners = [package(spec, f"{one}:Pos"), package(spec, f"{two}:Pos")]
    said = refused(AdapterDuplicate, spec)
    assert all(owner in said for owner in owners)
    assert "uninstall one" in said


def test_every_installed_adapter_is_listed_and_a_broken_one_with_its_problem(
    module: Callable[[str], str], package: Callable[..., str]
) -> None:
    good, broken = f"good-{uuid4().hex}", f"broken-{uuid4().hex}"
    owner = package(good, f"{module(WHOLE)}:Pos")
    package(broken, "unheard_of:Pos")
    found = {entry.name: entry for entry in installed()}
    assert list(found) == sorted(found)
    assert found["bogus"].adapter is BogusAdapter
    assert (found[good].distribution, found[good].version) == (owner, "1.2")
    usable = found[good].adapter
    assert usable is not None
    assert usable.guarantee() is Guarantee.CLAIM
    assert found[broken].adapter is None
    assert isinstance(found[broken].problem, AdapterNotFound)


@pytest.mark.parametrize("target", ["bad_module", "!!!", "a:b c"])
def test_an_entry_point_that_is_no_module_and_class_hides_no_other(target: str, package: Callable[..., str]) -> None:
    name = f"malformed-{uuid4().hex}"
    package(name, target)
    found = {entry.name: entry for entry in installed()}
    assert found["bogus"].adapter is BogusAdapter
    assert "not module:Class" in str(found[name].problem)


def test_an_installed_adapter_that_cannot_be_made_is_listed_as_broken(
    module: Callable[[str], str], package: Callable[..., str]
) -> None:
    name = f"unlicensed-{uuid4().hex}"
    code = f"{WHOLE}\n    def __init__(self): raise RuntimeError('no licence')\nPos.__init__ = Inner.__init__"
    package(name, f"{module(code)}:Pos")
    (found,) = [entry for entry in installed() if entry.name == name]
    assert found.adapter is None
    assert "no licence" in str(found.problem)
