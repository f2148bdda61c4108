"""Compression of catalogs."""

from __future__ import annotations

import gzip
import json

import pytest

from webhook_kit.publishing.compression import gzipped

CATALOG = json.dumps({str(number): {"itemName": f"Pizza {number}", "price": 7.5} for number in range(5000)}).encode()


@pytest.mark.parametrize("content", [b"", b"{}", CATALOG])
def test_any_gzip_reads_what_is_compressed_and_equal_content_gives_equal_bytes(content: bytes) -> None:
    assert gzip.decompress(gzipped(content)) == content
    assert gzipped(content) == gzipped(content)


def test_catalog_is_about_as_small_as_with_zlib() -> None:
    assert len(gzipped(CATALOG)) < 1.1 * len(gzip.compress(CATALOG, 6))
