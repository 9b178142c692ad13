"""Base backups brought into the scratch folder, with their tablespaces, and no link out of it.

A data directory is more than its folder: ``pg_tblspc`` holds links to tablespaces, ``pg_wal`` may
be one, and a file ``tablespace_map`` has the server make links when it starts. In a copy, all of
these would lead to the files of the server that was copied. So what they lead to is copied too,
each link is made anew, the map is removed, and :func:`demand_inside` looks at every link that is
left before any server is started.
"""

import os
import re
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from readiness_kit.drills.scratch import Live, own_all, related
from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.probes.backups.packed import Damaged, unpacked
from readiness_kit.probes.backups.reading import chain
from readiness_kit.probes.backups.tarred import Tar, is_tarred, members, tars
from readiness_kit.servers.postgres import Postgres

MAP = "tablespace_map"

_OID = re.compile(r"^(\d+) ", re.MULTILINE)


def place(postgres: Postgres, live: Live, backup: Path, name: str) -> tuple[Path, ...]:
    """Copy *backup*, and those it rests on, below the home of *postgres*; return the copies.

    Raises:
        NotSeen: A part of it cannot be read, or is a link to the target's own files.
        ServerError: A part of it is missing or damaged.

    """
    copies = []
    for number, one in enumerate(chain(backup)):
        copy = postgres.home / f"{name}-{number}"
        spaces = postgres.home / f"{name}-{number}-tablespaces"
        try:
            if is_tarred(one):
                _unpack(one, copy, spaces)
            else:
                _copy(live, one, copy, spaces)
        except OSError as error:
            raise NotSeen(
                f"{one} cannot be copied: {error}", hint="give the kit's user access"
            ) from error
        for folder in (copy, spaces):
            if folder.is_dir():
                own_all(postgres.account, folder)
        copies.append(copy)
    return tuple(copies)


def _copy(live: Live, backup: Path, copy: Path, spaces: Path) -> None:
    """Copy a data directory, and what its links lead to."""
    shutil.copytree(backup, copy, symlinks=True)
    wanted = _mapped(copy)
    if (wal := copy / "pg_wal").is_symlink():
        source = _followed(live, backup / "pg_wal", "its pg_wal")
        wal.unlink()
        shutil.copytree(source, wal, symlinks=True)
    for link in sorted((copy / "pg_tblspc").iterdir()):
        wanted.discard(link.name)
        moved = spaces / link.name
        if link.is_symlink():
            source = _followed(live, backup / "pg_tblspc" / link.name, f"tablespace {link.name}")
            link.unlink()
            shutil.copytree(source, moved, symlinks=True)
        elif link.is_dir():  # copied through the link, or made in place
            spaces.mkdir(exist_ok=True)
            link.rename(moved)
        else:
            continue
        link.symlink_to(moved)
    _demand_all(backup, wanted)


def _followed(live: Live, link: Path, what: str) -> Path:
    """Return what *link* of a backup leads to, unless that is the target's own."""
    target = link.resolve()
    own = next((one for one in live.places if related(target, one)), None)
    if own is not None:
        raise NotSeen(
            f"{what} in the backup is a link to {target}, which the target itself uses ({own})",
            hint="take base backups with --tablespace-mapping, in tar format, or on another host",
        )
    if not target.is_dir():
        raise NotSeen(
            f"{what} in the backup is a link to {target}, and there is no such folder here",
            hint="keep tablespaces beside the backup: --tablespace-mapping, or tar format",
        )
    return target


def _mapped(copy: Path) -> set[str]:
    """Remove the map of tablespaces, by which a server would make links; return whose it held."""
    file = copy / MAP
    if not file.is_file():
        return set()
    found = set(_OID.findall(file.read_text(encoding="utf-8", errors="replace")))
    file.unlink()
    return found


def _demand_all(backup: Path, missing: set[str]) -> None:
    if missing:
        raise ServerError(f"{backup.name} lacks the tablespaces {', '.join(sorted(missing))}")


def _unpack(backup: Path, copy: Path, spaces: Path) -> None:
    """Unpack what ``pg_basebackup -Ft`` wrote."""
    found = tars(backup)
    for one in found:
        folder = copy if one.is_base else copy / "pg_wal" if one.is_wal else spaces / one.name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _extract(one, folder)
        except Damaged as error:
            raise ServerError(f"{one.path.name} is damaged: {error.message}") from error
    if (manifest := backup / "backup_manifest").is_file():
        shutil.copyfile(manifest, copy / "backup_manifest")
    held = {one.name for one in found if one.is_tablespace}
    _demand_all(backup, _mapped(copy) - held)
    (copy / "pg_tblspc").mkdir(exist_ok=True)
    for name in held:
        (copy / "pg_tblspc" / name).symlink_to(spaces / name)


def _extract(tar: Tar, folder: Path) -> None:
    """Write the files and folders of *tar* below *folder*; whatever else it holds is refused."""
    with unpacked(tar.path) as stream:
        for member, content in members(stream):
            target = folder / _inside(tar, member)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:  # never over, or through, what is there already
                    shutil.copyfileobj(content, file)
            elif not (member.issym() and member.name.startswith("pg_tblspc/")):
                raise NotSeen(f"{tar.path.name} holds {member.name}, no file: it is not unpacked")


def _inside(tar: Tar, member: tarfile.TarInfo) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise NotSeen(f"{tar.path.name} holds {member.name!r}, which leads out of its folder")
    return path


def demand_inside(home: Path, data: Path) -> None:
    """See that nothing in the data directory leads out of *home*.

    Raises:
        NotSeen: A link does, a map of tablespaces is there, or something that is no file.

    """
    home = home.resolve()
    if (data / MAP).exists():
        raise NotSeen(f"{data / MAP} would have the server make links: it is not started")
    for path in _below(data.resolve()):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) and not path.resolve().is_relative_to(home):
            raise NotSeen(
                f"{path.relative_to(home)}, restored, is a link to {path.resolve()}, "
                "out of the scratch folder: it is not started",
                hint="take backups whose files are all their own",
            )
        if not (stat.S_ISLNK(mode) or stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise NotSeen(f"{path.relative_to(home)}, restored, is no file")


def _below(data: Path) -> Iterator[Path]:
    """Yield everything below *data*, and below the tablespaces it links to."""
    spaces = (data / "pg_tblspc").glob("*")
    for top in (data, *(one.resolve() for one in spaces if one.is_symlink())):
        for folder, folders, files in os.walk(top):
            yield from (Path(folder, name) for name in (*folders, *files))
