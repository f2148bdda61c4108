"""Protection of a sandbox on a developer's machine from the pages of other sites in the developer's browser.

A foreign page can send requests to the loopback interface (CSRF), and can give its own name the address 127.0.0.1 (DNS
rebinding). The headers ``Origin`` and ``Host`` show both, and a page cannot change them.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import request

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem

__all__ = ["check_origin"]

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_PRIVATE = ("/__sandbox/", "/__storefront/session")  # read and changed without a bearer token


def check_origin(hosts: Collection[str]) -> None:
    """Check that the current call comes from no foreign page, if it changes state or needs no bearer token.

    :param hosts: names of the sandbox in addition to those of the loopback interface.
    :raises Problem: 403 ``FORBIDDEN``.
    """
    if request.method in _SAFE_METHODS and not request.path.startswith(_PRIVATE):
        return
    host = _name(request.host)
    if not _is_loopback(host) and host not in {_name(one) for one in hosts}:
        raise Problem(
            ErrorCode.FORBIDDEN,
            f"“{request.host}” is not a name of this sandbox; use http://127.0.0.1, or start it with --host NAME",
        )
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2].casefold() != request.host.casefold():
        raise Problem(ErrorCode.FORBIDDEN, f"the page at the origin “{origin}” must not call this sandbox")


def _name(host: str) -> str:
    """Return the name or address of a ``Host`` header without its port; empty if it is not valid."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
