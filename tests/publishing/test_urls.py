"""URLs of published catalogs: valid only with the right token."""

from __future__ import annotations

from uuid import uuid4

from webhook_kit.publishing.urls import CatalogUrls

BASE = "https://pos.example.org"


def test_only_the_token_of_a_version_is_valid() -> None:
    urls = CatalogUrls(BASE, ["secret"])
    first, second = str(uuid4()), str(uuid4())
    token = urls.path(first).split("/")[1]
    assert urls.verify(token, first)
    for wrong, version in ((token, second), (token[:-1], first), ("", first), ("ü" * 32, first)):
        assert not urls.verify(wrong, version)
    assert not CatalogUrls(BASE, ["another"]).verify(token, first)


def test_token_stays_valid_while_its_secret_is_rotated() -> None:
    version = str(uuid4())
    token = CatalogUrls(BASE, ["old"]).path(version).split("/")[1]
    rotated = CatalogUrls(BASE, ["new", "old"])
    assert rotated.verify(token, version)
    assert token not in rotated.path(version)
