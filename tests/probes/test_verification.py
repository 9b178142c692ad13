import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.schedules import cron_days
from readiness_kit.probes.backups.verification import backup_verification, reads
from readiness_kit.target import Backups


def look(folder, file, **options):
    declared = Backups(directory=folder, verification=file, **options)
    return backup_verification.gather(visit("http://localhost", backups=declared))


def put(folder, name, text):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("pg_restore --create -d postgres last.dump", "restore"),
        ("pg_restore --dbname=scratch last.dump", "restore"),
        ("pgbackrest --stanza=main restore", "restore"),
        ("pg_restore -f /dev/null last.dump", "full_read"),
        ("pg_verifybackup base", "full_read"),
        ("pg_restore --list last.dump", "list_only"),
        ("pg_restore -l last.dump", "list_only"),
        ("pg_dump -Fc shop", "nothing"),
        ("", "nothing"),
        ("/bin/true", "nothing"),
        ("/usr/local/bin/verify", "not_known"),
        ("/bin/true && /usr/local/bin/verify", "not_known"),
    ],
)
def test_what_a_command_does_with_a_backup(command, kind):
    assert reads(command) == kind


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        ("*/5 * * * *", 1.0),
        ("30 5 * * *", 1.0),
        ("0 4 * * 0", 7.0),
        ("0 4 1 * *", 31.0),
        ("0 4 1 1 *", None),
        ("nonsense", None),
    ],
)
def test_how_often_cron_runs(schedule, days):
    assert cron_days(schedule) == days


@pytest.mark.parametrize(
    ("calendar", "days"),
    [
        ("OnCalendar=*-*-* 05:30:00", 1.0),
        ("OnCalendar=daily", 1.0),
        ("OnCalendar=Sun *-*-* 04:00", 7.0),
        ("OnCalendar=Mon,Thu 04:00", 7.0),
        ("OnCalendar=Sun *-*-1..7 04:00", None),
        ("OnCalendar=weekly", 7.0),
        ("OnCalendar=*-*-01 04:00", 31.0),
        ("OnCalendar=*-01-01", None),
        ("OnUnitActiveSec=12h", 0.5),
        ("OnBootSec=5min", None),
    ],
)
def test_a_timer_and_its_service(tmp_path, calendar, days):
    put(tmp_path, "v.service", "[Service]\nExecStart=/usr/bin/pg_verifybackup /backup/base\n")
    fact = look(tmp_path, put(tmp_path, "v.timer", f"[Timer]\n{calendar}\n"))
    assert (fact.means, fact.every_days, fact.reads) == ("timer", days, "full_read")


def test_a_timer_without_its_service_was_not_seen(tmp_path):
    with pytest.raises(NotSeen):
        look(tmp_path, put(tmp_path, "v.timer", "[Timer]\nOnCalendar=daily\n"))


def test_a_crontab(tmp_path):
    text = "MAILTO=x\n0 2 * * * pg_dump shop\n0 4 * * 1 root pg_restore -f /dev/null a.dump\n"
    fact = look(tmp_path, put(tmp_path, "crontab", text))
    assert (fact.means, fact.every_days, fact.reads) == ("cron", 7.0, "full_read")


CRON_JOB = """\
kind: CronJob
spec:
  schedule: "0 4 * * *"
  suspend: %s
  jobTemplate: {spec: {template: {spec: {containers: [
    {name: a, command: [pg_restore], args: [-d, scratch, /backup/last.dump]}]}}}}
"""


def test_a_script_is_looked_into(tmp_path):
    put(tmp_path, "verify.sh", "set -e\npg_restore --file=/dev/null last.dump\n")
    cron = put(tmp_path, "crontab", f"0 4 * * * {tmp_path}/verify.sh\n")
    assert look(tmp_path, cron).reads == "full_read"
    put(tmp_path, "verify.sh", "set -e\n# pg_restore --file=/dev/null last.dump\nexit 0\n")
    assert look(tmp_path, cron).reads == "not_known"
    (tmp_path / "verify.sh").unlink()
    assert look(tmp_path, cron).reads == "not_known"


@pytest.mark.parametrize(("suspended", "days"), [("false", 1.0), ("true", None)])
def test_a_cron_job(tmp_path, suspended, days):
    fact = look(tmp_path, put(tmp_path, "job.yaml", CRON_JOB % suspended))
    assert (fact.means, fact.every_days, fact.reads) == ("cron_job", days, "restore")


def test_a_workflow(tmp_path):
    text = "on: {schedule: [{cron: '0 4 * * 6'}]}\njobs: {a: {steps: [{run: pg_verifybackup b}]}}\n"
    fact = look(tmp_path, put(tmp_path, "verify.yml", text))
    assert (fact.means, fact.every_days, fact.reads) == ("pipeline", 7.0, "full_read")


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ("0\n", "succeeded"),
        ("success 2026-03-01", "succeeded"),
        ("1\n", "failed"),
        ("failed: 0 bytes", "failed"),
        ("", "not_known"),
        (None, "not_known"),
    ],
)
def test_how_it_ended(tmp_path, said, result):
    if said is not None:
        put(tmp_path, "result", said)
    cron = put(tmp_path, "crontab", "@weekly pg_verifybackup base\n")
    fact = look(tmp_path, cron, verification_result=tmp_path / "result")
    assert (fact.result, fact.every_days) == (result, 7.0)


def test_none_declared(tmp_path):
    with pytest.raises(NotSeen) as caught:
        look(tmp_path, None)
    assert caught.value.cause == "not_configured"
