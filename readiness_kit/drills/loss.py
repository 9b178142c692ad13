"""Writes rows one by one, then recovers what the archive has by then: how much is lost."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime

from readiness_kit.drills import canary
from readiness_kit.drills.recovery import ground
from readiness_kit.facts.drills.recovery import ArchiveRecovery
from readiness_kit.sources import Visit, source

WRITTEN_S = 0.5
"""How long rows are written before the base backup begins, and after it ended."""


@source(
    effect="drill",
    drill="loss",
    asks="no request to the service; writes about 20 rows a second for a few seconds, takes one "
    "base backup where none is kept, and recovers it in database.scratch",
    deadline_s=1800,
    exclusive=("load",),
)
def archive_recovery(visit: Visit) -> ArchiveRecovery:
    """Write, lose, recover, compare.

    Raises:
        NotSeen: No archive, no place, no role that may write.

    """
    with ground(visit) as place, ExitStack() as life, canary.table(visit):
        with canary.Writer(visit) as writer:
            visit.step("write row after row")
            time.sleep(WRITTEN_S)
            base = place.base()
            time.sleep(WRITTEN_S)
        acknowledged = {one.id: one.at_s for one in writer.acknowledged}
        visit.step("recover what the archive has of them")
        recovered, connection = place.recover(base, {}, life)
        there = canary.ids(connection) if connection is not None else frozenset()
    back = [at_s for number, at_s in acknowledged.items() if number in there]
    last_s = max(acknowledged.values(), default=0.0)
    return ArchiveRecovery(
        recovered=recovered,
        acknowledged=len(acknowledged),
        came_back=len(back),
        lost_s=round(last_s - max(back), 3) if back else None,
        written_s=round(last_s - writer.began_s, 3) if acknowledged else 0.0,
        archive_timeout_s=place.live.archive_timeout_s,
        switched_by_drill=base.seconds is not None,
        observed_at=datetime.now(UTC),
    )
