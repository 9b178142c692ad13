import pytest

from readiness_kit.probes.wal.command import always_succeeds, understood

SAFE = """#!/bin/sh
# cp and mv are what the manual says
set -eu
[ -e "/archive/$2" ] && exec cmp -s "$1" "/archive/$2"
cp "$1" "/archive/.$2"
sync "/archive/.$2"
mv "/archive/.$2" "/archive/$2"
"""


@pytest.mark.parametrize(
    ("command", "way", "program"),
    [
        ("", "none", ""),
        ("/bin/true", "none", "true"),
        (":", "none", ":"),
        ("exit 0", "none", "exit"),
        ("cp %p /archive/%f", "copy", "cp"),
        ("test ! -f /archive/%f && cp %p /archive/%f", "copy", "cp"),
        ("rsync -a %p backup@elsewhere:/archive/%f", "copy", "rsync"),
        ("pgbackrest --stanza=shop archive-push %p", "tool", "pgbackrest"),
        ("envdir /etc/wal-g.d wal-g wal-push %p", "tool", "wal-g"),
        (
            "/usr/bin/barman-cloud-wal-archive s3://bucket shop %p",
            "tool",
            "barman-cloud-wal-archive",
        ),
        ("/no/such/script.sh %p %f", "other", "script.sh"),
        ("archive 'without end", "other", ""),
    ],
)
def test_commands(command, way, program):
    assert understood(command, here=True)[:2] == (way, program)


def test_a_script_is_read_without_its_comments(tmp_path):
    script = tmp_path / "archive.sh"
    script.write_text(SAFE)
    seen = understood(f"sh {script} %p %f", here=True)
    assert (seen.way, seen.program) == ("script", "archive.sh")
    assert "manual" not in seen.text
    assert understood(f"{script} %p %f", here=False).why_not_read


def test_a_binary_is_not_understood(tmp_path):
    program = tmp_path / "archive"
    program.write_bytes(b"\x7fELF\0\0mv sync cmp")
    assert understood(str(program), here=True).way == "other"


@pytest.mark.parametrize(
    ("end", "blunt"),
    [
        ("", False),
        (" || true", True),
        ("; exit 0", True),
        (" && mv a b", False),
    ],
)
def test_what_hides_errors(end, blunt):
    command = f"cp %p /archive/%f{end}"
    assert always_succeeds(command, understood(command, here=True)) is blunt


@pytest.mark.parametrize(
    ("text", "blunt"),
    [
        ("cp $1 /archive\nexit 0\n", True),
        ("set -e\ncp $1 /archive\nexit 0\n", False),
        ("cp $1 /archive\n", False),
    ],
)
def test_scripts_that_hide_errors(tmp_path, text, blunt):
    script = tmp_path / "archive.sh"
    script.write_text(f"#!/bin/sh\n{text}")
    command = f"{script} %p"
    assert always_succeeds(command, understood(command, here=True)) is blunt
