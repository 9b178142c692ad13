"""Read which job verifies backups, when it runs, and how it ended last."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from readiness_kit.errors import NotSeen
from readiness_kit.facts.backups.verification import BackupVerification, Reads
from readiness_kit.probes.backups.schedules import Job, jobs
from readiness_kit.probes.papers.documents import read
from readiness_kit.sources import Visit, source

SAID_CAP = 300

_RESTORES = (
    r"readiness\b.*(check|run)\b.*\bdrill|\bpg_restore\b(?!.*(--list|-l\b|/dev/null)).*(-d\b|--dbname)"
    r"|\bpsql\b.*(-f\b|--file|<)[ =]*\S*(?i:backup|dump)|cat\b[^|]*(?i:backup|dump)[^|]*\|\s*psql\b"
    r"|pgbackrest\b.* restore\b|\bbarman\b.* recover|backup-fetch"
)
_READS = (
    r"\bpg_restore\b.*(-f|--file)[ =]?/dev/null|\bpg_verifybackup\b|\bbarman\b.* verify"
    r"|pgbackrest\b.* verify\b(?s:.*)\b(grep|jq)\b"
)
"""``pgbackrest verify`` ends with 0 over a damaged backup (seen with 2.45): its words count."""
_LISTS = r"\bpg_restore\b.*(--list|\s-l\b)"
_IDLE = re.compile(r"(\s*(/\S*/)?(true|false|echo|pg_dump|pg_dumpall|:)\b[^|;&]*)?\s*")
SCRIPTS = 20
"""So many words of a command are looked at."""


@source(effect="read", asks="no request: reads the job that verifies backups", deadline_s=10)
def backup_verification(visit: Visit) -> BackupVerification:
    """Read the job and its last result.

    Raises:
        NotSeen: None is declared, it cannot be read, or it is of no kind that is known.

    """
    backups = visit.target.backups
    if backups is None or backups.verification is None:
        raise NotSeen(
            "readiness.yaml does not say what verifies backups",
            cause="not_configured",
            hint="add backups.verification: a systemd timer, crontab, CronJob or CI workflow",
        )
    job = _job(backups.verification)
    result, finished_at, said = _result(backups.verification_result)
    return BackupVerification(
        observed_at=datetime.now(UTC),
        file=backups.verification.name,
        means=job.means,
        schedule=job.schedule,
        every_days=job.every_days,
        command=job.command[:SAID_CAP],
        reads=reads(_with_scripts(job.command, backups.verification)),
        result=result,
        finished_at=finished_at,
        result_said=said,
    )


def reads(command: str) -> Reads:
    """Return what *command* does with a backup.

    >>> reads("pg_restore --list a.dump"), reads("pg_restore -f /dev/null a.dump")
    ('list_only', 'full_read')
    >>> reads("psql -d scratch -f /backup/newest.sql"), reads("psql -d live -f report.sql")
    ('restore', 'not_known')
    >>> reads("pgbackrest --stanza=a verify"), reads("pgbackrest verify | grep -q 'status: ok'")
    ('not_known', 'full_read')
    """
    kinds: tuple[tuple[Reads, str], ...] = (
        ("restore", _RESTORES),
        ("full_read", _READS),
        ("list_only", _LISTS),
    )
    found = next((kind for kind, words in kinds if re.search(words, command)), None)
    if found:
        return found
    return "nothing" if _IDLE.fullmatch(command) else "not_known"


def _job(file: Path) -> Job:
    """Return the job of *file* that does something with a backup, else its first."""
    found = jobs(file)
    useful = (one for one in found if reads(one.command) != "nothing")
    return next(useful, found[0])


def _with_scripts(command: str, beside: Path) -> str:
    """Return *command*, and what the scripts say that it names."""
    said = [command]
    for word in re.findall(r"[\w./@-]+", command)[:SCRIPTS]:
        script = beside.parent / word
        if script.suffix in {".sh", ".bash", ".py"} and script.is_file():
            said.append(re.sub(r"^\s*#.*$", "", read(script), flags=re.MULTILINE))
    return "\n".join(said)


def _result(
    file: Path | None,
) -> tuple[Literal["succeeded", "failed", "not_known"], datetime | None, str]:
    """Return how the last run ended: the file's first word is ``0`` or ``success``, else it failed.

    Raises:
        NotSeen: It cannot be read.

    """
    if file is None:
        return "not_known", None, "no backups.verification_result is declared"
    if not file.exists():
        return "not_known", None, f"{file.name} does not exist: it never ran"
    said = read(file).strip()
    ended = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    if not said:
        return "not_known", ended, f"{file.name} is empty"
    well = said.split()[0].lower().rstrip(".:") in {"0", "success", "succeeded", "ok"}
    return "succeeded" if well else "failed", ended, said[:SAID_CAP]
