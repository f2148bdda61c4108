"""Prism, which serves Square's own OpenAPI document: found or installed, started, or a plain word why not.

It knows shapes and no state: as a mock it answers with the document's examples, as a proxy it lets a request and its answer
through only when both have the shape that Square publishes.
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
    """Run it, and give its base URL: ``prism("mock")``, or ``prism("proxy", "--errors", upstream=url)``."""
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
        pytest.skip(f"Square's {DOCUMENT} is not there: name its directory in SQUARE_OPENAPI")
    return document


def _program() -> str:
    _document()  # without it there is nothing to install anything for
    folder = _CACHE / f"prism-{VERSION}"
    program = folder / "node_modules" / ".bin" / "prism"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes, one installation
        if not program.exists():
            _install(folder)
    return str(program)


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _not_to_be_had("there is no npm (Debian: apt install npm)")
        return
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"@stoplight/prism-cli@{VERSION}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=4 * PATIENCE)
    if done.returncode:
        _not_to_be_had(f"npm could not install it: {done.stderr.strip()[-500:]}")


def _not_to_be_had(why: str) -> None:
    """Locally a skip that says why; in CI a failure, because there nobody reads skips."""
    text = f"Prism, against which the shape of messages is tested, cannot be had: {why}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
