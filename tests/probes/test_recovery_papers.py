import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.facts.papers.parts import PaperDates
from readiness_kit.probes.papers.communication import communication_plan
from readiness_kit.probes.papers.dates import dates
from readiness_kit.probes.papers.parts import Code, items, parse
from readiness_kit.probes.papers.recovery import paper, recovery_papers
from readiness_kit.probes.papers.shell import Checker, checker, problems

PROCEDURE = """\
# Recovery

Reviewed: 2026-03-01 by A. Ito

## Failover

1. See that the primary stays down:
   ```sh
   systemctl stop postgresql
   ```
2. Promote the standby:
   ```sh
   pg_ctl promote
   ```
3. Redirect callers:
   ```sh
   ./point-vip-at standby
   ```
4. Rejoin the old primary:
   ```sh
   pg_rewind --target-pgdata=old
   ```
"""


def look(tmp_path, text, name="recovery.md"):
    file = tmp_path / name
    file.write_text(text)
    return paper("recovery", file, None)


def test_a_procedure_is_taken_apart(tmp_path):
    (whole, failover) = look(tmp_path, PROCEDURE).procedures
    assert (whole.ways, failover.ways, failover.line) == ((), ("failover",), 5)
    assert [one.acts for one in failover.steps] == [
        ("fence",),
        ("promote",),
        ("redirect",),
        ("rejoin",),
    ]
    assert [one.commands for one in failover.steps] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "command", ["echo promote", "# pg_ctl promote", "...", "TODO: pg_ctl promote"]
)
def test_what_does_nothing_is_no_command(tmp_path, command):
    found = look(tmp_path, PROCEDURE.replace("pg_ctl promote", command))
    assert found.procedures[1].ways == ()
    assert found.procedures[1].steps[1].commands == 0


def test_a_step_still_to_be_written_has_no_commands(tmp_path):
    found = look(tmp_path, PROCEDURE.replace("Promote the standby", "Promote the standby (TODO)"))
    assert found.procedures[1].steps[1].commands == 0


def test_a_comment_and_what_is_struck_out_say_nothing(tmp_path):
    hidden = PROCEDURE.replace("## Failover", "## ~~Failover~~\n\n<!-- failover -->")
    assert all(one.ways == () for one in look(tmp_path, hidden).procedures)


def test_code_that_interrupts_a_list_belongs_to_the_step_before():
    (section,) = parse("## A\n\n1. Do it:\n\n```sh\nls\n```\n\n2. Look:\n\n```sh\ndf\n```\n")
    assert [one.commands for one in items(section.nodes)] == [("ls",), ("df",)]


def test_contacts_need_a_column_each_for_role_name_and_way(tmp_path):
    table = "| role | name | phone |\n|---|---|---|\n| first | A | 1 |\n| second | B |  |\n"
    assert [(one.name, one.complete) for one in look(tmp_path, table).contacts] == [
        ("A", True),
        ("B", False),
    ]
    assert look(tmp_path, table.replace("phone", "colour")).contacts == ()


FLOW = """\
## Restore

```mermaid
flowchart TD
  a[Lost] --> b{Primary up?}
  b -- no --> c[Restore]
  b -->|yes| d[Wait]
  click c "#restore"
  click d "%s"
```
"""


@pytest.mark.parametrize(
    ("href", "unlinked"),
    [("#restore", ()), ("#elsewhere", ("Wait",)), ("gone.md", ("Wait",)), ("recovery.md", ())],
)
def test_decisions_are_drawn(tmp_path, href, unlinked):
    (decision,) = look(tmp_path, FLOW % href).decisions
    assert (decision.question, decision.outcomes) == ("Primary up?", 2)
    assert decision.unlinked == unlinked


def test_a_way_that_only_splits_is_no_decision(tmp_path):
    text = "```mermaid\ngraph LR\n  a[Start] --> b[One]\n  a --> c[Two]\n```\n"
    assert look(tmp_path, text).decisions == ()


def test_decisions_are_written(tmp_path):
    text = (
        "## One\n\n## Two\n\n"
        "- If the primary answers, go to [one](#one), otherwise to [two](#two).\n"
        "- If it does not, go to [three](#three), else wait.\n"
    )
    first, second = look(tmp_path, text).decisions
    assert (first.outcomes, first.unlinked) == (2, ())
    assert second.unlinked


def test_dead_links_are_told_and_urls_not_asked(tmp_path):
    text = "# A\n\n[a](#a) [b](#b) [c](gone.md) [d](https://gone.example/)\n"
    assert look(tmp_path, text).dead_links == ("#b", "gone.md")


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("Reviewed: 2026-03-01 by X", "2026-03-01"),
        ("Last reviewed on 2025-01-31. Updated: 2026-02-01", "2026-02-01"),
        ("Reviewed: 2026-02-31", None),
        ("Reviewed: 9999-01-01", None),
        ("Written in 2026", None),
    ],
)
def test_review_dates(tmp_path, words, day):
    seen = dates(tmp_path / "a.md", words).reviewed_on
    assert (seen.date().isoformat() if seen else None) == day


def git(folder, *arguments, at):
    moment = at.isoformat()
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(
        ["git", "-C", folder, *who, *arguments],
        check=True,
        capture_output=True,
        env={
            "PATH": __import__("os").environ["PATH"],
            "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_DATE": moment,
            "HOME": str(folder),
        },
    )


def test_commits_that_change_the_layout_alone_are_passed_over(tmp_path, need):
    need("git")
    long_ago, lately = datetime(2024, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    file = tmp_path / "recovery.md"
    git(tmp_path, "init", "-q", at=long_ago)
    file.write_text("1. do\n2. look\n")
    git(tmp_path, "add", ".", at=long_ago)
    git(tmp_path, "commit", "-qm", "Recovery", at=long_ago)
    file.write_text("1.  do\n\n2.  look\n")
    git(tmp_path, "commit", "-qam", "Wider", at=lately)
    file.write_text("1.  do!\n\n2.  look\n")
    git(tmp_path, "commit", "-qam", "Reformat all documents", at=lately)
    assert dates(file, "") == PaperDates(reviewed_on=None, changed_at=long_ago, ignored_commits=2)
    file.write_text("1.  do it\n\n2.  look\n")
    git(tmp_path, "commit", "-qam", "After the drill", at=lately + timedelta(days=1))
    assert dates(file, "").changed_at == lately + timedelta(days=1)


def test_a_shallow_clone_tells_nothing_of_what_it_does_not_hold(tmp_path, need):
    need("git")
    there, at = tmp_path / "there", datetime(2024, 5, 1, tzinfo=UTC)
    there.mkdir()
    git(there, "init", "-q", at=at)
    for name in ("recovery.md", "other.md"):
        (there / name).write_text("1. do\n")
        git(there, "add", ".", at=at)
        git(there, "commit", "-qm", name, at=at)
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{there}", tmp_path / "here", at=at)
    assert dates(there / "recovery.md", "").changed_at == at
    assert dates(tmp_path / "here" / "recovery.md", "").changed_at is None


SHELL = [
    ("sh", "ls -l\n", None),
    ("sh", 'echo "open\n', True),
    ("console", "$ ls\nsome output (\n", None),
    ("text", 'echo "open\n', None),
]


@pytest.mark.parametrize("program", ["bash", "shellcheck"])
@pytest.mark.parametrize(("language", "text", "grave"), SHELL)
def test_shell_is_checked_and_not_run(need, program, language, text, grave):
    by = Checker(need(program), program, thorough=program == "shellcheck")
    said = problems([Code(10, language, text)], by)
    assert {one.grave for one in said} == ({grave} if grave else set())
    assert all(one.line >= 10 for one in said)


def test_a_console_shows_commands_among_their_output():
    assert Code(1, "console", "$ ls\na b\n# df").input == "ls\n\ndf"


def test_without_a_checker_nothing_is_known():
    assert problems([Code(1, "sh", "ls")], None) is None
    assert checker() is not None


def test_documents_that_are_not_declared_are_not_seen(tmp_path):
    for source in (recovery_papers, communication_plan):
        with pytest.raises(NotSeen) as caught:
            source.gather(visit("http://localhost"))
        assert caught.value.cause == "not_configured"


PLAN = """\
Owner of this list: A. Ito

## Stakeholders

| who | how |
|---|---|
| support | chat |
| customers | |

## Message at the start

> We look into {what} since {time}.

## When it is resolved

Nothing yet.

## Update

```
{what} is still affected
```
"""


def test_a_plan_of_communication_is_taken_apart(tmp_path):
    (tmp_path / "c.md").write_text(PLAN)
    fact = communication_plan.gather(
        visit("http://localhost", documents={"communication": tmp_path / "c.md"})
    )
    assert (fact.stakeholders, fact.owner) == (1, "A. Ito")
    assert [(one.moment, one.placeholders) for one in fact.messages] == [
        ("start", 2),
        ("update", 1),
    ]
