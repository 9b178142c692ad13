"""How a recovering copy takes its WAL, and where it begins."""

import shlex
import subprocess

import pytest

from readiness_kit.drills.copies import (
    first_segment,
    restore_command,
)
from readiness_kit.errors import NotSeen


@pytest.mark.parametrize("name", ["wal", "a b", "a'b", '$(touch x)"', "50%f", "--help"])
def test_the_command_holds_to_its_folder(tmp_path, name):
    (folder := tmp_path / name).mkdir()
    (folder / "0001").write_text("segment")
    # what the server does with it: %% is a percent sign
    command = restore_command(folder).replace("%%", "\0").replace("%f", "0001")
    command = command.replace("%p", "taken").replace("\0", "%")
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "taken").read_text() == "segment"
    assert {path.name for path in tmp_path.iterdir()} == {name, "taken"}
    assert shlex.split(command)[0] == "cp"


def test_the_first_segment_is_in_the_label(tmp_path):
    label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
    (tmp_path / "backup_label").write_text(label)
    assert first_segment(tmp_path) == "000000010000000000000002"
    (tmp_path / "backup_label").write_text("LABEL: other")
    with pytest.raises(NotSeen, match="names no segment"):
        first_segment(tmp_path)
