"""Where a drill may write, and what it removes."""

from pathlib import Path

import pytest
from webserver import secret, visit

from readiness_kit.drills.scratch import PREFIX, _demand_empty, demand_place
from readiness_kit.errors import NotSeen
from readiness_kit.target import Database


def around(folder: Path, scratch: Path | None):
    dsn = secret(folder, "dsn", "host=127.0.0.1")
    return visit("http://localhost", database=Database(dsn=dsn, scratch=scratch))


def test_without_a_place_nothing_is_restored(tmp_path):
    with pytest.raises(NotSeen, match=r"no database\.scratch") as caught:
        demand_place(around(tmp_path, None), None)
    assert caught.value.cause == "not_allowed"


def test_the_data_directory_and_all_around_it_is_refused(tmp_path):
    data = tmp_path / "postgres" / "data"
    (data / "base").mkdir(parents=True)
    (tmp_path / "link").symlink_to(data / "base")
    for place in (data, data / "base", data.parent, tmp_path / "link"):
        with pytest.raises(NotSeen, match="lies with the data directory"):
            demand_place(around(tmp_path, place), data)
    (beside := tmp_path / "postgres" / "scratch").mkdir()
    assert demand_place(around(tmp_path, beside), data) == beside


def test_a_file_is_no_place(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotSeen, match="is no folder"):
        demand_place(around(tmp_path, tmp_path / "file"), None)


def test_only_what_drills_left_is_removed(tmp_path):
    (tmp_path / f"{PREFIX}killed" / "restored").mkdir(parents=True)
    _demand_empty(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "important").touch()
    (tmp_path / f"{PREFIX}killed").mkdir()
    with pytest.raises(NotSeen, match=r"not empty \(important\)"):
        _demand_empty(tmp_path)
    assert (tmp_path / "important").exists()


def test_a_link_is_followed_nowhere(tmp_path):
    (kept := tmp_path / "kept").mkdir()
    (kept / "row").touch()
    (place := tmp_path / "scratch").mkdir()
    (place / f"{PREFIX}x").symlink_to(kept)
    with pytest.raises(NotSeen, match="not empty"):
        _demand_empty(place)
    assert (kept / "row").exists()
