"""Breaks a running sandbox and mends it, from any process, exactly.

What undoing needs is on disk, in ``DIR/broken/``, before anything is changed; the last break is
mended first. Afterwards the sandbox must be what it was: see :mod:`.fingerprint`.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from readiness_kit.errors import ReadinessError, ServerError, UsageError
from readiness_kit.sandbox.breaks import Break
from readiness_kit.sandbox.fingerprint import Fingerprint, differing, fingerprint
from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.orders import Orders, order, read_orders

MENDING = "mending"
"""Marks a break that is no longer wanted."""


class Broken(msgspec.Struct, frozen=True):
    """A break that is in force."""

    fault: Break
    before: Fingerprint
    """What the sandbox was before it."""


def broken(ground: Ground) -> list[str]:
    """Return the names of the breaks in force, the first one first."""
    return [record.fault.name for _, record in _records(ground)]


def apply(ground: Ground, breaks: Sequence[Break]) -> None:
    """Break what *breaks* say, all of it or nothing.

    Raises:
        UsageError: One is in force already, or would change nothing.
        ServerError: Something could not be changed.

    """
    for one in breaks:
        if one.name in broken(ground):
            raise UsageError(f"{one.name} is in force already", hint="mend it first")
    before = fingerprint(ground)
    done: list[Path] = []
    try:
        for one in breaks:
            done.append(_note(ground, Broken(one, before)))
            _change(ground, one, done[-1])
        _settle(ground, breaks)
    except BaseException:
        mend(ground, [one.name for one in breaks[: len(done)]])
        raise


def mend(ground: Ground, names: Iterable[str] = ()) -> None:
    """Take the breaks called *names* back, all if none are named, and see that they are.

    Raises:
        UsageError: One is not in force, or a later one must be mended first.
        ServerError: The sandbox is not what it was.

    """
    records = _records(ground)
    wanted = list(names) or [record.fault.name for _, record in records]
    last = [record.fault.name for _, record in records[len(records) - len(wanted) :]]
    for name in wanted:
        if name not in last:
            later = ", ".join(reversed(last)) or "none is in force"
            raise UsageError(f"{name} cannot be mended now", hint=f"mend first: {later}")
    chosen = list(reversed(records[len(records) - len(wanted) :]))
    for place, _ in chosen:
        (place / MENDING).touch()
    _give_orders(ground)  # servers first: the changes of their data need them
    for place, record in chosen:
        _undo(ground, record.fault, place)
    _reload(ground, [record.fault for _, record in chosen])
    for place, _ in chosen:
        shutil.rmtree(place)
    if chosen and (different := differing(chosen[-1][1].before, fingerprint(ground))):
        raise ServerError(
            f"after mending {', '.join(wanted)} these are not what they were: "
            f"{', '.join(different)}",
            hint="the undoing of this break is wrong; start a new sandbox",
        )


def _undo(ground: Ground, fault: Break, place: Path) -> None:
    for number, change in reversed(list(enumerate(fault.change))):
        if not (place / str(number)).is_dir():
            continue  # it was never made
        try:
            change.undo(ground, place / str(number))
        except ReadinessError as error:
            raise ServerError(
                f"{fault.name} cannot be undone: {error.message}",
                hint=f"`readiness sandbox down {ground.root}`, and start a new one",
            ) from error


def _records(ground: Ground) -> list[tuple[Path, Broken]]:
    files = sorted((ground.root / "broken").glob("*/break.json"))
    return [(file.parent, msgspec.json.decode(file.read_bytes(), type=Broken)) for file in files]


def _note(ground: Ground, record: Broken) -> Path:
    """Write that a break is in force, before it is."""
    taken = [int(path.name.partition("-")[0]) for path in (ground.root / "broken").glob("*-*")]
    place = ground.root / "broken" / f"{max(taken, default=0) + 1:04}-{record.fault.name}"
    place.mkdir(parents=True)
    (place / "break.json").write_bytes(msgspec.json.encode(record))
    return place


def _change(ground: Ground, fault: Break, place: Path) -> None:
    for number, change in enumerate(fault.change):
        partial = place / f"{number}.partial"
        partial.mkdir()
        change.save(ground, partial)
        partial.rename(place / str(number))
        change.do(ground)


def _settle(ground: Ground, breaks: Iterable[Break]) -> None:
    _reload(ground, breaks)
    _give_orders(ground)


def _give_orders(ground: Ground) -> None:
    """Ask the supervisor for what all breaks in force together wish."""
    wished = Orders()
    for place, record in _records(ground):
        if (place / MENDING).exists():
            continue
        for change in record.fault.change:
            wished = change.wish(wished)
    given = read_orders(ground.root)
    if (given.environment, given.stopped) != (wished.environment, wished.stopped):
        order(ground.root, wished)


def _reload(ground: Ground, breaks: Iterable[Break]) -> None:
    servers = {server for one in breaks for change in one.change for server in change.reloads()}
    for server in sorted(servers):
        ground.reload(server)
