"""Finds the tests that start a process or a browser, so that ``make unit`` can leave them out.

A test starts a process if its function, one of its fixtures, or a helper from ``tests`` that they use refers to one of
:data:`STARTERS`. The shared redis-server does not count.
"""

from __future__ import annotations

import inspect
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from webhook_kit.dev.environment import DevEnvironment
from webhook_kit.testing.processes import Process
from webhook_kit.testing.redis_server import RedisServer
from webhook_kit.testing.stack import Stack

__all__ = ["starts_process"]

STARTERS: tuple[Any, ...] = (subprocess, os.fork, Process, Stack, RedisServer, DevEnvironment, sync_playwright)
SHARED_FIXTURES = "webhook_kit_redis_server", "redis_server"


def starts_process(item: pytest.Item) -> bool:
    """Return True if a test, or one of its fixtures, starts a process or a browser."""
    return any(map(_starts_process, _functions(item)))


def _functions(item: pytest.Item) -> Iterator[Callable[..., Any]]:
    if isinstance(item, pytest.Function):
        yield item.function
        for name, definitions in item._fixtureinfo.name2fixturedefs.items():
            if name not in SHARED_FIXTURES:
                yield from (definition.func for definition in definitions)


@cache
def _starts_process(subject: Any) -> bool:
    """Search a function or class of ``tests`` and the helpers that it refers to."""
    seen: set[int] = set()
    pending = [subject]
    for each in pending:  # grows during the iteration
        if any(each is starter for starter in STARTERS):
            return True
        function = inspect.unwrap(each) if callable(each) else each
        if id(function) not in seen and (getattr(function, "__module__", None) or "").startswith("tests."):
            seen.add(id(function))
            pending += _references(function)
    return False


def _references(subject: Any) -> Iterator[Any]:
    if isinstance(subject, type):
        yield from vars(subject).values()
        yield from subject.__bases__
    elif isinstance(subject, property):
        yield subject.fget
    elif isinstance(subject, classmethod | staticmethod):
        yield subject.__func__
    elif isinstance(subject, FunctionType):
        names = _names(subject.__code__)
        yield from (subject.__globals__[name] for name in names if name in subject.__globals__)
        yield from (getattr(os, name) for name in names & {"fork"})
        yield from (cell.cell_contents for cell in subject.__closure__ or ())


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(each) for each in code.co_consts if isinstance(each, CodeType)))
