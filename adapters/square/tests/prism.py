"""Prism, a server of Square's own OpenAPI document: installed if needed, and started; otherwise the tests are skipped with a reason.

It checks shapes and has no state: as a mock it responds with the document's examples, as a proxy it passes a request and its
response only if both have the shape that Square publishes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from webhook_kit.testing.processes import PATIENCE, Process, free_port

__all__ = ["DOCUMENT", "prism"]

VERSION = "5.16.0"
DOCUMENT = "openapi-subset.json"
_CHECKOUT = Path(__file__).parents[3]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "webhook_kit_square"


@contextmanager
def prism(*command: str, upstream: str = "") -> Iterator[str]:
    """Run it and provide its base URL: ``prism("mock")``, or ``prism("proxy", "--errors", upstream=url)``."""
    port = free_port()
    document = [str(_document()), *([upstream] if upstream else [])]
    arguments = [_program(), *command, "--host", "127.0.0.1", "--port", str(port), *document]
    with Process(arguments) as process:
        process.wait_until(lambda: "Prism is listening" in process.output(), message="Prism")
        yield f"http://127.0.0.1:{port}"


def _document() -> Path:
    named = os.environ.get("SQUARE_OPENAPI")
    document = (Path(named) if named else _CHECKOUT.parent / "shared" / "square") / DOCUMENT
    if not document.exists():
        pytest.skip(f"Square's {DOCUMENT} was not found; set SQUARE_OPENAPI to its directory")
    return document


def _program() -> str:
    _document()  # skips before anything is installed
    folder = _CACHE / f"prism-{VERSION}"
    program = folder / "node_modules" / ".bin" / "prism"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one installation for several test processes
        if not program.exists():
            _install(folder)
    return str(program)


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed (Debian: apt install npm)")
        return
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"@stoplight/prism-cli@{VERSION}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=4 * PATIENCE)
    if done.returncode:
        _missing(f"npm could not install it: {done.stderr.strip()[-500:]}")


def _missing(reason: str) -> None:
    """Skip with the reason; fail in CI, because nobody reads skips there."""
    text = f"Prism, which checks the shape of messages, is missing: {reason}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
