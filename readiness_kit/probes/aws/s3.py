"""A bucket, asked by S3's protocol: its listing, and single objects."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.probes.aws.client import Account, Aws, Refused
from readiness_kit.sources import Visit
from readiness_kit.target import Bucket

PAGES = 50
"""Most calls for one listing; each gives 1,000 objects."""

LIST, HEAD = "s3:ListBucket", "s3:GetObject"
GET = "s3:GetObject, or kms:Decrypt of its key,"
ENCRYPTION = "s3:GetEncryptionConfiguration"
"""Permissions that the calls need; the bytes of an object need that of its key, too."""

FROZEN = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects cannot be read before they are thawed, which takes hours."""

MOVING = "INTELLIGENT_TIERING"
"""The storage class whose objects the store may freeze by itself."""

_CHUNK = 1 << 20


class Object(msgspec.Struct, frozen=True, rename="pascal"):
    """One object, as a listing has it."""

    key: str
    size: int
    last_modified: datetime
    storage_class: str = "STANDARD"


class Head(msgspec.Struct, frozen=True, rename="pascal"):
    """What is known of one object apart from its bytes."""

    server_side_encryption: str = ""
    """``AES256``, ``aws:kms``, …; empty when the store does not encrypt it."""

    kms_key: str = msgspec.field(default="", name="SSEKMSKeyId")
    """The key by which it does, where that is not the store's own."""

    archive_status: str = ""
    """Whether the store has frozen it by itself."""

    restore: str = ""
    """Whether it was thawed."""

    @property
    def thawed(self) -> bool:
        """Whether a copy of it can be read for some days."""
        return 'ongoing-request="false"' in self.restore


class _Page(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    is_truncated: bool
    contents: tuple[Object, ...] = ()
    next_continuation_token: str = ""


class _ByDefault(msgspec.Struct, frozen=True, rename="pascal"):
    sse_algorithm: str = msgspec.field(default="", name="SSEAlgorithm")


class _Rule(msgspec.Struct, frozen=True, rename="pascal"):
    apply_server_side_encryption_by_default: _ByDefault = _ByDefault()


class _Rules(msgspec.Struct, frozen=True, rename="pascal"):
    rules: tuple[_Rule, ...] = ()


class _Configured(msgspec.Struct, frozen=True, rename="pascal"):
    server_side_encryption_configuration: _Rules = _Rules()


class Listing(NamedTuple):
    """What lies below a prefix."""

    objects: tuple[Object, ...]
    whole: bool
    """Whether that is all of it."""


class Place(NamedTuple):
    """A bucket, and a prefix in it that is empty or ends with a slash."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Place":
        """Return the place that *url* names.

        >>> Place.of("s3://shop/daily"), Place.of("s3://shop")
        (Place(bucket='shop', prefix='daily/'), Place(bucket='shop', prefix=''))
        """
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        prefix = prefix.rstrip("/")
        return cls(bucket, f"{prefix}/" if prefix else "")

    def __str__(self) -> str:
        """Show its URL."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class S3:
    """Whoever reads a place in a bucket."""

    def __init__(self, visit: Visit, declared: Bucket, url: str) -> None:
        """Prepare to read *url*; nothing is sent.

        Raises:
            NotSeen: botocore is not installed, or AWS's settings are wrong.

        """
        self.place = Place.of(url)
        account = Account(declared.region, declared.endpoint_url, declared.profile, declared.ca)
        self._aws = Aws(visit, "s3", account)

    @property
    def of_amazon(self) -> bool:
        """Whether it is Amazon's S3."""
        return self._aws.of_amazon

    @property
    def host(self) -> str:
        """The host that is asked."""
        return self._aws.host

    @property
    def words(self) -> str:
        """What is asked, in words."""
        return f"S3 in {self._aws.region}" if self.of_amazon else f"the store {self._aws.host}"

    def listing(self, below: str = "") -> Listing:
        """Return the objects below the prefix, and *below* that; folders have no object.

        Raises:
            NotSeen: The bucket is not there, or may not be listed.

        """
        found: list[Object] = []
        more: dict[str, str] = {}
        for _ in range(PAGES):
            page = self._aws.ask(
                "list_objects_v2",
                _Page,
                needs=LIST,
                Bucket=self.place.bucket,
                Prefix=self.place.prefix + below,
                **more,
            )
            found += (one for one in page.contents if not one.key.endswith("/"))
            if not page.is_truncated or not page.next_continuation_token:
                return Listing(tuple(found), whole=not page.is_truncated)
            more = {"ContinuationToken": page.next_continuation_token}
        return Listing(tuple(found), whole=False)

    def name(self, one: Object) -> str:
        """Return the object's name below the prefix."""
        return one.key.removeprefix(self.place.prefix)

    def head(self, key: str) -> Head:
        """Return what is known of the object at *key*.

        Raises:
            NotSeen: It is gone, or may not be looked at.

        """
        return self._aws.ask("head_object", Head, needs=HEAD, Bucket=self.place.bucket, Key=key)

    def piece(self, key: str, span: str, cap: int) -> bytes:
        """Return the bytes that *span* (RFC 9110 14.1.2) names, at most *cap*.

        Raises:
            NotSeen: It is gone, frozen, or may not be read.

        """
        body = self._aws.body(
            "get_object", needs=GET, Bucket=self.place.bucket, Key=key, Range=f"bytes={span}"
        )
        try:
            return body.read(cap)
        finally:
            body.close()

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the bytes of the object at *key*.

        Raises:
            NotSeen: It is gone, frozen, or may not be read, or the connection breaks.

        """
        body = self._aws.body("get_object", needs=GET, Bucket=self.place.bucket, Key=key)
        try:
            while chunk := body.read(_CHUNK):
                yield chunk
        finally:
            body.close()

    def download(self, one: Object, to: Path) -> None:
        """Write the object's bytes into the new file *to*.

        Raises:
            NotSeen: As :meth:`chunks`, or it has another size than when it was listed.
            OSError: It cannot be written.

        """
        size = 0
        with to.open("xb") as file:
            for chunk in self.chunks(one.key):
                size += len(chunk)
                if size > one.size:
                    break
                file.write(chunk)
        if size != one.size:
            raise NotSeen(
                f"{one.key} changed while it was fetched: {size} bytes of {one.size}",
                hint="run again when no backup is being written",
            )

    def encrypts(self) -> str:
        """Return how the bucket encrypts what is written to it; empty when it does not.

        Raises:
            NotSeen: It may not be asked.

        """
        try:
            found = self._aws.ask(
                "get_bucket_encryption", _Configured, needs=ENCRYPTION, Bucket=self.place.bucket
            )
        except Refused as error:
            if error.code == "ServerSideEncryptionConfigurationNotFoundError":
                return ""
            raise
        rules = found.server_side_encryption_configuration.rules
        return next(
            (one.apply_server_side_encryption_by_default.sse_algorithm for one in rules), ""
        )


def command(url: str, endpoint_url: str | None) -> str:
    """Return the command by which a person lists *url*.

    >>> command("s3://shop/daily", None)
    "aws s3 ls --recursive 's3://shop/daily/'"
    """
    more = f" --endpoint-url {endpoint_url}" if endpoint_url else ""
    return f"aws s3 ls --recursive '{url.rstrip('/')}/'{more}"


def store_of(endpoint_url: str | None) -> str:
    """Return the host of the declared store; ``amazonaws.com`` where none is declared."""
    return urlsplit(endpoint_url).netloc if endpoint_url else "amazonaws.com"
