"""The account that servers run as when their owner is root: PostgreSQL refuses uid 0."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import ServerError


class Account(NamedTuple):
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def group(self) -> str:
        """Name of its primary group."""
        return grp.getgrgid(self.gid).gr_name

    def own(self, *paths: Path) -> None:
        """Give *paths* (and nothing below them) to this account."""
        for path in paths:
            os.chown(path, self.uid, self.gid)

    def may_enter(self, directory: Path) -> bool:
        """Tell whether this account may pass through *directory* and all above it."""
        return all(self._searchable(folder) for folder in (directory, *directory.parents))

    def _searchable(self, folder: Path) -> bool:
        status = folder.stat()
        needed = stat.S_IXUSR if status.st_uid == self.uid else stat.S_IXOTH
        return bool(status.st_mode & needed)


def unprivileged(name: str = "nobody") -> Account | None:
    """Return the account to run servers as, or None when the caller is no root already.

    Raises:
        ServerError: The caller is root and there is no such account.

    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ServerError(
            f"root cannot run PostgreSQL, and there is no account called {name!r} to run it as",
            hint="run the command as an ordinary user",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
