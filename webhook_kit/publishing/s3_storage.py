"""Published menus in a bucket of S3, or of anything that speaks its language; Gett pulls them from there.

Needs the extra ``s3``. Credentials and region are boto3's own business: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_DEFAULT_REGION``, or the role of the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from webhook_kit.errors import ConfigurationError
from webhook_kit.publishing.publisher import CatalogUrls, StorageUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

__all__ = ["S3CatalogStorage"]

_LONGEST = 7 * 86_400
"""Seconds for which an address can be signed at most."""


class S3CatalogStorage:
    """Bodies in a bucket.

    :param endpoint: where a store other than Amazon's listens.
    :param public_url: where the bucket can be read by anyone; None: addresses are signed, good for a week.
    :param addresses: names the objects, so that a public bucket's are as unguessable as the kit's own addresses.
    :raises ConfigurationError: without boto3, or when it cannot be used as it is configured.
    """

    def __init__(self, bucket: str, addresses: CatalogUrls, *, endpoint: str | None, public_url: str | None) -> None:
        try:
            import boto3  # an extra
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise ConfigurationError("CATALOG_BUCKET needs boto3: pip install 'webhook-kit[s3]'") from None
        self._bucket = bucket
        self._addresses = addresses
        self._public_url = public_url
        self._failures = (BotoCoreError, ClientError)
        # Checksums only where they are asked for: other stores than Amazon's stumble over them.
        config = Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=20,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            self._s3: S3Client = boto3.client("s3", endpoint_url=endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"CATALOG_BUCKET: {error}") from error

    def put(self, version: str, body: bytes, seconds: int) -> None:  # noqa: ARG002 - it stays until it is dropped
        """Keep a compressed body.

        :raises ShelfUnavailable: when the bucket does not take it.
        """
        with self._reaching():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._addresses.path(version),
                Body=body,
                ContentType="application/json",
                ContentEncoding="gzip",
                CacheControl="public, max-age=86400, immutable",
            )

    def get(self, version: str) -> bytes | None:
        """A compressed body, or None when there is none of that version.

        :raises ShelfUnavailable: when the bucket does not answer.
        """
        with self._reaching():
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=self._addresses.path(version))["Body"].read()
            except self._s3.exceptions.NoSuchKey:
                return None

    def delete(self, version: str) -> None:
        """Forget a version.

        :raises ShelfUnavailable: when the bucket does not answer.
        """
        with self._reaching():
            self._s3.delete_object(Bucket=self._bucket, Key=self._addresses.path(version))

    def address(self, version: str) -> str:
        """Where the bucket gives it out.

        :raises ShelfUnavailable: when there are no credentials to sign with.
        """
        path = self._addresses.path(version)
        if self._public_url is not None:
            return f"{self._public_url}/{path}"
        with self._reaching():
            return self._s3.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": path}, ExpiresIn=_LONGEST
            )

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise StorageUnavailable(f"CATALOG_BUCKET {self._bucket}: {error}") from error
