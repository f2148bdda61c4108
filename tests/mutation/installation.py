"""Mutants in the running process: nothing is written, so a mutant needs neither a copy of the tree nor a new import.

A changed function gets the code of the mutant, in place: whoever holds the function runs the mutant. A change outside of
functions is executed as a new module, and its values replace those of the old one.
"""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutation.mutants import ROOT, Mutant
from webhook_kit.storage import scripts

__all__ = ["CannotInstall", "Functions", "install"]

Functions = dict[tuple[str, str], list[FunctionType]]
"""All functions of a process, by file and qualified name."""


class CannotInstall(Exception):
    """The mutant is not a valid program."""


def all_functions() -> Functions:
    """Return the functions of the package that exist now."""
    found: Functions = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename.startswith(str(ROOT / "webhook_kit")):
            found[each.__code__.co_filename, each.__code__.co_qualname].append(each)
    return found


def install(mutant: Mutant, functions: Functions) -> None:
    """Let this process run a mutant.

    :raises CannotInstall: when it cannot be compiled.
    """
    if mutant.path.endswith(".lua"):
        _install_script(mutant)
        return
    file = str(ROOT / mutant.path)
    try:
        code = compile(mutant.source(), file, "exec")
    except SyntaxError as error:
        raise CannotInstall(str(error)) from error
    if mutant.scope:
        new = [each for each in _codes(code) if each.co_qualname == mutant.scope]
        _replace_code(functions[file, mutant.scope], new)
    else:
        _replace_values(mutant, code, functions)


def _install_script(mutant: Mutant) -> None:
    read: Callable[[str], str] = scripts._read
    own = mutant.path.removesuffix(".lua").replace("/", ".").rpartition(".")
    name, source = f"{own[0]}/{own[2]}", mutant.source().decode()
    scripts._read = lambda wanted: source if wanted == name else read(wanted)  # type: ignore[assignment]
    scripts.load.cache_clear()


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _replace_code(old: list[FunctionType], new: list[CodeType]) -> None:
    """Give functions the new code of the same place; several of one name are the parts of a property."""
    lines = sorted({function.__code__.co_firstlineno for function in old})
    new = sorted(new, key=lambda code: code.co_firstlineno)
    if len(lines) != len(new):
        raise CannotInstall("its function is not found")
    for function in old:
        try:
            function.__code__ = new[lines.index(function.__code__.co_firstlineno)]
        except ValueError as error:  # a variable of the surrounding function is used no more
            raise CannotInstall(str(error)) from error


def _replace_values(mutant: Mutant, code: CodeType, functions: Functions) -> None:
    name = mutant.path.removesuffix(".py").replace("/", ".")
    module = sys.modules[name]
    new = ModuleType(name)
    new.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    sys.modules[name] = new
    exec(code, vars(new))
    sys.modules[name] = module
    for key, value in vars(new).items():
        before = vars(module).get(key)
        if key.startswith("__") or before is None:
            continue
        if isinstance(before, type) and before.__module__ == name:
            _replace_attributes(before, value)
        elif isinstance(before, FunctionType) and before.__module__ == name:
            before.__defaults__, before.__kwdefaults__ = value.__defaults__, value.__kwdefaults__
        elif before != value:
            for user in list(sys.modules.values()):
                if getattr(user, "__dict__", {}).get(key) is before:
                    setattr(user, key, value)


def _replace_attributes(old: type, new: type) -> None:
    for key, value in vars(new).items():
        before = vars(old).get(key)
        if isinstance(before, FunctionType) and isinstance(value, FunctionType):
            before.__defaults__, before.__kwdefaults__ = value.__defaults__, value.__kwdefaults__
            for cell, changed in zip(before.__closure__ or (), value.__closure__ or (), strict=False):
                if not isinstance(cell.cell_contents, type):
                    cell.cell_contents = changed.cell_contents
        elif _is_plain(value):
            with suppress(AttributeError, TypeError):
                setattr(old, key, value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | str | tuple | frozenset)
