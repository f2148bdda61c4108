"""Catalog storage in a bucket of S3 or of a compatible service, from which Gett downloads directly.

Needs the extra ``s3``. boto3 finds credentials and region itself: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_DEFAULT_REGION``, or the role of the machine.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import requests
from urllib3.exceptions import HTTPError as TransportError

from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES
from webhook_kit.errors import ConfigurationError
from webhook_kit.logs import logger
from webhook_kit.printing import without_secrets
from webhook_kit.publishing.storage import StorageUnavailable
from webhook_kit.publishing.urls import CatalogUrls
from webhook_kit.web import bounded_session, deadline

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from types_boto3_s3 import S3Client

__all__ = ["S3CatalogStorage"]

log = logger("catalog_storage")

_SECONDS = 10.0
"""Seconds for one operation, its repetitions included."""

_MAX_BYTES = MAX_CATALOG_BYTES
"""Bytes of an answer at most."""

_MAX_URL_SECONDS = 7 * 86_400
"""Longest validity of a signed URL."""


class S3CatalogStorage:
    """Bodies in a bucket.

    :param urls: names the objects, so that nobody can guess those of a public bucket either.
    :param endpoint: URL of a service other than Amazon's.
    :param public_url: URL at which the bucket is readable without credentials; None: URLs are signed and valid for a week.
    :raises ConfigurationError: boto3 is not installed, or the configuration cannot be used.
    """

    def __init__(self, bucket: str, urls: CatalogUrls, *, endpoint: str | None, public_url: str | None) -> None:
        try:
            import boto3  # an extra
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise ConfigurationError("CATALOG_BUCKET needs boto3: pip install 'webhook-kit[s3]'") from None
        self._bucket = bucket
        self._urls = urls
        self._public_url = public_url
        self._errors = (BotoCoreError, ClientError)
        # Checksums only where an operation requires them: some services other than Amazon's reject them.
        config = Config(
            signature_version="s3v4",
            retries={"total_max_attempts": 3, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            self._s3: S3Client = boto3.client("s3", endpoint_url=endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"CATALOG_BUCKET: {error}") from error
        # boto3 counts its time-outs from byte to byte and reads answers of any size. So it only signs.
        self._s3.meta.events.register("before-send.s3", cast(Any, _send))

    def name(self, version: str) -> str:
        """Return the key of the object, which contains a token made with the newest secret."""
        return self._urls.path(version)

    def put(self, version: str, body: bytes, seconds: int) -> None:  # noqa: ARG002 - kept until it is deleted
        """Store a compressed body.

        :raises StorageUnavailable: the bucket does not accept it.
        """
        with self._translated_errors():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self.name(version),
                Body=body,
                ContentType="application/json",
                ContentEncoding="gzip",
                CacheControl="public, max-age=86400, immutable",
            )

    def exists(self, name: str) -> bool:
        """Return True if an object with this key is stored, or if the credentials do not allow to know.

        :raises StorageUnavailable: the bucket does not respond, or does not exist.
        """
        with self._translated_errors():
            try:
                self._s3.head_object(Bucket=self._bucket, Key=name)
            except self._s3.exceptions.ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status == 403:  # the answer for a missing object too, without the permission s3:ListBucket
                    log.warning("catalog_presence_unknown", bucket=self._bucket, name=name)
                    return True
                if status != 404:
                    raise
                return False
            return True

    def get(self, version: str) -> bytes | None:
        """Return the compressed body of a version; None when it is not stored.

        :raises StorageUnavailable: the bucket does not respond.
        """
        with self._translated_errors():
            for key in self._urls.paths(version):
                with suppress(self._s3.exceptions.NoSuchKey):
                    return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return None

    def delete(self, name: str) -> None:
        """Delete an object.

        :raises StorageUnavailable: the bucket does not respond.
        """
        with self._translated_errors():
            self._s3.delete_object(Bucket=self._bucket, Key=name)

    def url(self, name: str) -> str:
        """Return the URL at which the bucket serves an object.

        :raises StorageUnavailable: there are no credentials for the signature.
        """
        if self._public_url is not None:
            return f"{self._public_url}/{name}"
        with self._translated_errors():
            return self._s3.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": name}, ExpiresIn=_MAX_URL_SECONDS
            )

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            with deadline(_SECONDS):
                yield
        except self._errors as error:
            raise StorageUnavailable(without_secrets(f"CATALOG_BUCKET {self._bucket}: {error}")) from error


def _send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """Send a signed request within the deadline.

    :raises HTTPClientError: there is no answer, or it is too large.
    """
    from botocore.awsrequest import AWSResponse
    from botocore.exceptions import HTTPClientError

    try:
        with bounded_session(_MAX_BYTES) as session:
            response = session.request(
                request.method,
                request.url,
                data=cast(Any, request.body),
                headers=dict(request.headers.items()),
                timeout=(5, _SECONDS),
                allow_redirects=False,
                stream=True,
            )
            # The stored encoding stays: a catalog is served as it is stored.
            body = b"".join(response.raw.stream(65_536, decode_content=False))
    except (requests.RequestException, TransportError) as error:
        raise HTTPClientError(error=error) from error
    return AWSResponse(request.url, response.status_code, cast(Any, response.headers), _Body(body))


class _Body(io.BytesIO):
    """Body of an answer, as boto3 reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.read()
