"""Primary and standby change places, and back: ``python -m readiness_kit.sandbox.failover DIR …``.

::

    as_started ──> lost ──> promoted ──> swapped ──> as_started
         ^───────────┘

A stage says how the two clusters must be, so that asking for one twice changes nothing.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec

from readiness_kit.errors import ReadinessError, ServerError
from readiness_kit.sandbox.orders import Stage, order, read_orders
from readiness_kit.servers.postgres import SUPERUSER, Cluster

KEPT = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "readiness.conf")
"""Configuration that pg_rewind takes from the other cluster, and that must stay."""

STREAMS_S = 30.0
_POLL_S = 0.05


class Pair:
    """The primary and its standby, with the slot of the same name as the standby."""

    def __init__(self, primary: Cluster, standby: Cluster, replicator: tuple[str, str]) -> None:
        """Take them as they were started; *replicator* is the role for replication."""
        self.primary = primary
        self.standby = standby
        self.stage: Stage = "as_started"
        self._replicator = replicator
        self._own = {name: (primary.data / name).read_text() for name in KEPT}

    @property
    def down(self) -> Cluster | None:
        """The cluster that must not run at this stage."""
        return self.primary if self.stage in ("lost", "promoted") else None

    def become(self, wanted: Stage) -> None:
        """Go on, stage by stage, until *wanted*.

        Raises:
            ServerError: A step failed.

        """
        steps: dict[Stage, Callable[[], Stage]] = {
            "as_started": self._lose,
            "lost": self._start_again if wanted == "as_started" else self._promote,
            "promoted": self._rejoin,
            "swapped": self._switch_back,
        }
        while self.stage != wanted:
            self.stage = steps[self.stage]()

    def _lose(self) -> Stage:
        self.primary.stop(immediate=True)
        return "lost"

    def _start_again(self) -> Stage:
        self.primary.start()
        self._await_streaming(self.primary)
        return "as_started"

    def _promote(self) -> Stage:
        self.standby.promote()
        return "promoted"

    def _rejoin(self) -> Stage:
        """Rewind the former primary to where the two parted, and have it follow."""
        old, new = self.primary, self.standby
        _make_slot(new, old.name)
        old.postgres.run(
            "pg_rewind",
            f"--target-pgdata={old.data}",
            f"--source-server={new.dsn(SUPERUSER, new.password)}",
            "--restore-target-wal",  # what a checkpoint removed meanwhile
            "--no-sync",
        )
        self._put_back()
        user, password = self._replicator
        source = new.dsn(user, password, application_name=old.name)
        quoted = source.replace("'", "''")
        following = f"primary_conninfo = '{quoted}'\nprimary_slot_name = '{old.name}'\n"
        auto = old.data / "postgresql.auto.conf"
        old.postgres.write(auto, self._own[auto.name] + following)
        old.postgres.write(old.data / "standby.signal", "")
        old.start()
        self._await_streaming(new)
        return "swapped"

    def _switch_back(self) -> Stage:
        """Stop the new primary in order, which sends all to its follower, and promote that."""
        self.standby.stop()
        self.primary.promote()
        self._put_back()
        with self.primary.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")
        _make_slot(self.primary, self.standby.name)
        self.standby.postgres.write(self.standby.data / "standby.signal", "")
        self.standby.start()
        self._await_streaming(self.primary)
        with self.standby.connect() as connection:
            connection.execute("SELECT pg_drop_replication_slot(%s)", [self.primary.name])
        return "as_started"

    def _put_back(self) -> None:
        for name, content in self._own.items():
            self.primary.postgres.write(self.primary.data / name, content)

    def _await_streaming(self, source: Cluster) -> None:
        until_s = time.monotonic() + STREAMS_S
        with source.connect() as connection:
            while time.monotonic() < until_s:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                ).fetchone()
                if row != (0,):
                    return
                time.sleep(_POLL_S)
        raise ServerError(
            f"nobody streams from {source.name} after {STREAMS_S:g} s",
            hint=f"see the logs in {source.postgres.home}",
        )


def _make_slot(cluster: Cluster, name: str) -> None:
    with cluster.connect() as connection:
        connection.execute(
            "SELECT pg_create_physical_replication_slot(%s) WHERE NOT EXISTS "
            "(SELECT FROM pg_replication_slots WHERE slot_name = %s)",
            [name, name],
        )


def main(arguments: list[str]) -> int:
    """Have the supervisor of a sandbox bring its clusters to a stage; return the exit code."""
    parser = argparse.ArgumentParser(prog="readiness_kit.sandbox.failover")
    parser.add_argument("directory", type=Path)
    parser.add_argument("stage", choices=get_args(Stage))
    options = parser.parse_args(arguments)
    try:
        given = read_orders(options.directory)
        order(options.directory, msgspec.structs.replace(given, stage=options.stage))
    except ReadinessError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
