"""A real S3 server on loopback (moto), and backups in it."""

import contextlib
import functools
import itertools
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from webserver import visit

from readiness_kit.target import Backups, Bucket

NOW = datetime.now(UTC)
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
_numbers = itertools.count()


def settle(monkeypatch):
    """Let AWS's settings be those of this test, whatever this machine has."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@functools.cache
def _client(url):
    return boto3.client("s3", endpoint_url=url, region_name="eu-central-1")


@dataclass
class Shelf:
    """A bucket of its own on the server at ``url``."""

    url: str
    name: str

    @classmethod
    def new(cls, url):
        return cls(url, f"shop-{next(_numbers)}")

    def __post_init__(self):
        self.client = _client(self.url)
        where = {"LocationConstraint": "eu-central-1"}
        self.client.create_bucket(Bucket=self.name, CreateBucketConfiguration=where)

    def put(self, key, body=b"PGDMP", age=timedelta(), **more):
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **more)
        self.stored(key).last_modified = (NOW - age).replace(tzinfo=None)

    def fill(self, objects):
        """Put many objects there, past the wire: a thousand of them take a while on it."""
        for key, body in objects.items():
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(self.name, key, body)
            self.stored(key).last_modified = NOW.replace(tzinfo=None)

    def stored(self, key):
        """Return the server's own record of an object."""
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[self.name].keys[key]

    def declared(self, prefix="daily", wal=None, **more):
        own = ("tool", "pattern", "success_marker", "sums")
        beside = {name: more.pop(name) for name in own if name in more}
        bucket = Bucket(
            url=f"s3://{self.name}/{prefix}",
            wal_url=f"s3://{self.name}/{wal}" if wal else None,
            **{"endpoint_url": self.url, "region": "eu-central-1", **more},
        )
        return Backups(bucket=bucket, **beside)

    def look(self, prefix="daily", wal=None, **more):
        return visit("http://localhost", backups=self.declared(prefix, wal, **more))


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Yield the URL of a server that speaks as Amazon's S3 does."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
