"""How backups are verified by themselves, and how the last time went."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact

Reads = Literal["restore", "full_read", "list_only", "nothing", "not_known"]
"""What the job does: restores, reads to the end, reads the table of contents, or none of it;
``not_known`` is a program that could not be looked into."""


class BackupVerification(Fact, frozen=True, kw_only=True):
    """The job that verifies backups, as written down for a machine."""

    file: str
    """File that starts it."""

    means: Literal["timer", "cron", "cron_job", "pipeline"]
    """Kind of that file."""

    schedule: str
    """When it runs, as written; empty when it is not started by the clock."""

    every_days: float | None
    """Longest time between two runs, days; ``None`` when the schedule cannot be understood."""

    command: str
    """What it runs, shortened."""

    reads: Reads
    """What that does with the backup."""

    result: Literal["succeeded", "failed", "not_known"]
    """How the last run ended, by the file ``backups.verification_result``."""

    finished_at: datetime | None
    """When it ended."""

    result_said: str
    """What that file says, shortened, or why it was not read."""
