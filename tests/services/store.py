"""What the services keep: users with notes, in SQLite."""

import itertools
import sqlite3
import threading

NAMES = {"1": "Ada", "2": "Bob", "3": "Cleo", "4": "Dan", "9": "Zoe"}
USERS = [(number, name, f"{name.lower()}@shop.invalid") for number, name in NAMES.items()]
PUBLIC = "0"
"""Owner of what everybody may see."""

NOTES = [(str(n), f"note {n}", PUBLIC if n == 1 else str(1 + n % 2)) for n in range(1, 21)]


class Store:
    """A small database."""

    def __init__(self, *, careless: bool) -> None:
        self._careless = careless
        self._lock = threading.Lock()
        self._numbers = itertools.count(1000)
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("CREATE TABLE users (id TEXT, name TEXT, email TEXT)")
        self._database.execute("CREATE TABLE notes (id TEXT, title TEXT, owner TEXT)")
        self._database.executemany("INSERT INTO users VALUES (?, ?, ?)", USERS)
        self._database.executemany("INSERT INTO notes VALUES (?, ?, ?)", NOTES)

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    def user(self, user_id: str) -> sqlite3.Row | None:
        return next(iter(self._rows("SELECT * FROM users WHERE id = ?", user_id)), None)

    def notes_of(self, user_id: str) -> list[sqlite3.Row]:
        return self._rows("SELECT * FROM notes WHERE owner = ? LIMIT 1", user_id)

    def notes(self, limit: int) -> list[sqlite3.Row]:
        return self._rows("SELECT * FROM notes ORDER BY rowid DESC LIMIT ?", limit)

    def note(self, note_id: str) -> sqlite3.Row | None:
        return next(iter(self._rows("SELECT * FROM notes WHERE id = ?", note_id)), None)

    def search(self, title: str) -> list[sqlite3.Row]:
        if self._careless:  # what a scanner must notice
            return self._rows(f"SELECT * FROM notes WHERE title = '{title}'")
        return self._rows("SELECT * FROM notes WHERE title = ?", title)

    def add(self, title: str, owner: str) -> sqlite3.Row:
        number = str(next(self._numbers))
        self._rows("INSERT INTO notes VALUES (?, ?, ?)", number, title, owner)
        return self._rows("SELECT * FROM notes WHERE id = ?", number)[0]

    def remove(self, note_id: str) -> None:
        self._rows("DELETE FROM notes WHERE id = ?", note_id)

    def rename(self, note_id: str, title: str) -> None:
        self._rows("UPDATE notes SET title = ? WHERE id = ?", title, note_id)
