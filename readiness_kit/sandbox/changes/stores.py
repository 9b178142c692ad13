"""Changes of the database and of the cache, made by their superusers."""

import shlex
from pathlib import Path

import psycopg
import redis

from readiness_kit.errors import ServerError
from readiness_kit.sandbox.changes import Change
from readiness_kit.sandbox.ground import Ground, Server
from readiness_kit.sandbox.layout import DATABASE


class Sql(Change, frozen=True, kw_only=True, tag="sql", rename={"do_": "do", "undo_": "undo"}):
    """Run ``do`` on ``server``; ``undo`` takes it back. After ALTER SYSTEM it is reloaded.

    ``restart = true`` restarts it instead, for settings that are read at start alone.
    """

    do_: tuple[str, ...]
    undo_: tuple[str, ...]
    server: Server = "primary"
    database: str = DATABASE
    restart: bool = False

    def do(self, ground: Ground) -> None:
        """Run the statements."""
        self._run(ground, self.do_)

    def undo(self, ground: Ground, place: Path) -> None:
        """Run the statements that take it back."""
        del place
        self._run(ground, self.undo_)

    def reloads(self) -> frozenset[str]:
        """Return the server if a setting of it was changed."""
        changed = any("ALTER SYSTEM" in one.upper() for one in self.do_)
        return frozenset({self._process} if changed and not self.restart else ())

    @property
    def _process(self) -> str:
        return f"PostgreSQL {'primary' if self.server == 'primary' else 'standby_1'}"

    def _run(self, ground: Ground, statements: tuple[str, ...]) -> None:
        with ground.connect(self.server, self.database) as connection:
            for statement in statements:
                try:
                    connection.execute(ground.fill(statement).encode())
                except psycopg.Error as error:
                    raise ServerError(f"{statement}: {error}") from error
        if self.restart:
            ground.restart(self._process)


class Cache(Change, frozen=True, kw_only=True, tag="cache", rename={"do_": "do", "undo_": "undo"}):
    """Give the cache the commands ``do``; ``undo`` takes them back. Quoted as in a shell."""

    do_: tuple[str, ...]
    undo_: tuple[str, ...]

    def do(self, ground: Ground) -> None:
        """Give the commands."""
        self._run(ground, self.do_)

    def undo(self, ground: Ground, place: Path) -> None:
        """Give the commands that take it back."""
        del place
        self._run(ground, self.undo_)

    def _run(self, ground: Ground, commands: tuple[str, ...]) -> None:
        with ground.cache() as cache:
            for command in commands:
                try:
                    cache.execute_command(*shlex.split(ground.fill(command)))
                except redis.RedisError as error:
                    raise ServerError(f"{command}: {error}") from error
