"""A real OpenID provider for tests, as a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from webhook_kit.testing.processes import Process, free_port

__all__ = ["authorize", "open_id_provider"]


@contextmanager
def open_id_provider(directory: Path, redirect_uri: str, claims: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the issuer. It has the client ``console`` with the secret ``client secret``.

    :param claims: of each user, by name.
    """
    port = free_port()
    (directory / "claims.json").write_text(json.dumps(claims))
    program = Path(__file__).parent / "openid_provider.py"
    with Process([sys.executable, str(program), str(port), str(directory), redirect_uri]) as process:
        issuer = f"http://127.0.0.1:{port}/o"
        process.wait_http(f"{issuer}/.well-known/openid-configuration")
        yield issuer


def authorize(address: str, user: str) -> str:
    """Log in at the provider, and return the address to which it sends the browser."""
    answer = requests.get(address, cookies={"user": user}, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]
