"""Hypothesis strategies for any fact, drawn from its declared types."""

import typing
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import strategies as st

from readiness_kit.statistics.histogram import Histogram

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)

_TEXT = st.sampled_from(["", "a", "PASS", "<b>", "é\n", "refused", "TLSv1", "nosniff", "200", "*"])
_FLOATS = st.one_of(
    st.sampled_from([0.0, -1.0, 1.0, 0.5, 1e-9, 1e12, float("nan"), float("inf"), float("-inf")]),
    st.floats(-1e6, 1e6),
)
_HISTOGRAMS = st.builds(
    lambda counts, lost: Histogram(
        bins=tuple(sorted(counts)), counts=tuple(counts[i] for i in sorted(counts)), lost=lost
    ),
    st.dictionaries(st.integers(0, 3000), st.integers(1, 500), max_size=5),
    st.integers(0, 50),
)
_INTS = st.one_of(
    st.sampled_from([0, 1, -1, 100, 200, 404, 500, 2**40]), st.integers(-1000, 10_000)
)


def of(hint: object) -> st.SearchStrategy[object]:
    """Return a strategy for values of the type *hint*."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return of(args[0])
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin in (typing.Union, type(int | str)):
        return st.one_of([of(arg) for arg in args])
    if origin is tuple and args[-1:] == (...,):
        return st.lists(of(args[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*[of(arg) for arg in args])
    if origin is dict:
        return st.dictionaries(of(args[0]), of(args[1]), max_size=3)
    return _plain(hint)


def _plain(hint: object) -> st.SearchStrategy[object]:
    simple = {
        str: _TEXT,
        int: _INTS,
        float: _FLOATS,
        bool: st.booleans(),
        type(None): st.none(),
        object: _TEXT,
    }
    if hint is datetime:
        days = st.floats(-400, 400)
        return days.map(lambda n: MOMENT + timedelta(days=n))
    if hint in simple:
        return simple[hint]
    if hint is Histogram:
        return _HISTOGRAMS
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return struct(hint)
    raise TypeError(f"no strategy for {hint!r}")


def struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[typing.Any]:
    """Return a strategy for records of *kind*."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {name: of(hints[name]) for name in kind.__struct_fields__}
    return st.deferred(lambda: st.builds(kind, **fields))


def near(fact: msgspec.Struct) -> st.SearchStrategy[typing.Any]:
    """Return a strategy for facts like *fact* with some fields redrawn."""
    kind = type(fact)
    hints = typing.get_type_hints(kind, include_extras=True)
    names = st.lists(st.sampled_from(kind.__struct_fields__), max_size=2, unique=True)

    @st.composite
    def redraw(draw: st.DrawFn) -> msgspec.Struct:
        changes = {name: draw(of(hints[name])) for name in draw(names)}
        return msgspec.structs.replace(fact, **changes)

    return redraw()
