"""WAL out of an archive in a bucket: fetched into the scratch folder, then as from a folder."""

import time
from pathlib import Path

from readiness_kit.drills import archived
from readiness_kit.probes.backups.fetch import fetch_wal, wal_bytes
from readiness_kit.probes.wal.bucket import holds
from readiness_kit.servers.postgres import Postgres
from readiness_kit.sources import Visit
from readiness_kit.target import Bucket

POLL_S = 1.0
"""Between two looks whether a segment has come: each is a request."""

PACKED = 4
"""How much larger than packed WAL may be."""


class InBucket:
    """An archive in a bucket."""

    def __init__(self, visit: Visit, bucket: Bucket) -> None:
        """Nothing is asked yet."""
        self._visit = visit
        self._bucket = bucket

    def bytes(self) -> int:
        """Return how much room the WAL takes, packed and unpacked.

        Raises:
            NotSeen: It may not be listed.

        """
        return (1 + PACKED) * wal_bytes(self._visit, self._bucket)

    def fetch(self, postgres: Postgres, since: str) -> Path:
        """Return a folder with the WAL from the segment *since* on.

        Raises:
            NotSeen: It may not be read, is too large, or nothing here unpacks it.
            ServerError: A file in it is damaged.

        """
        folder = postgres.folder("bucket")
        fetch_wal(self._visit, self._bucket, since, folder)
        return archived.fetch_wal(self._visit, postgres, folder, since)

    def await_archived(self, segment: str, timeout_s: float) -> float | None:
        """Wait until the bucket has *segment*; return the seconds it took, or ``None``."""
        began = time.monotonic()
        while time.monotonic() - began < min(timeout_s, self._visit.remaining_s):
            if holds(self._visit, self._bucket, segment):
                return round(time.monotonic() - began, 3)
            time.sleep(POLL_S)
        return None
