"""URLs of published catalogs.

A URL is derived from the version and a secret, so nobody can guess it and none has to be stored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

__all__ = ["CatalogUrls"]

_TOKEN_LENGTH = 32  # hex digits: 128 bits


class CatalogUrls:
    """URLs at which the kit itself serves published catalogs.

    :param base: public base URL of this installation, without a slash at the end; None when it has none.
    :param secrets: newest first; the older ones are still accepted.
    """

    def __init__(self, base: str | None, secrets: Sequence[str]) -> None:
        self._base = base
        self._secrets = [secret.encode() for secret in secrets]

    def path(self, version: str) -> str:
        """Return the path of a version by the newest secret, without a slash at the front."""
        return self.paths(version)[0]

    def paths(self, version: str) -> list[str]:
        """Return the path of a version by each secret that is accepted, the newest first."""
        return [f"catalogs/{_token(secret, version)}/{version}.json" for secret in self._secrets]

    def url(self, version: str) -> str | None:
        """Return the URL of a version; None without a public base URL."""
        return None if self._base is None else f"{self._base}/{self.path(version)}"

    def verify(self, token: str, version: str) -> bool:
        """Return True if the token in a path belongs to the version; compares in constant time."""
        given = token.encode()
        return any(hmac.compare_digest(_token(secret, version).encode(), given) for secret in self._secrets)


def _token(secret: bytes, version: str) -> str:
    return hmac.new(secret, f"catalog\n{version}".encode(), hashlib.sha256).hexdigest()[:_TOKEN_LENGTH]
