"""A bucket of moto, a local server with the API of S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def s3(endpoint: str, credentials: None) -> S3Client:
    """A client of an empty bucket \"catalogs\"."""
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="catalogs")
    client.delete_bucket_policy(Bucket="catalogs")
    for stored in client.list_objects_v2(Bucket="catalogs").get("Contents", []):
        client.delete_object(Bucket="catalogs", Key=stored["Key"])
    return client
