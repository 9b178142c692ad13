"""The faults that prove the checks: one small TOML file each, named as the fault.

::

    title = "Browsers may guess types"

    [[change]]
    kind = "edit"
    file = "servers/nginx/nginx.conf"
    find = 'add_header X-Content-Type-Options nosniff always;'

    [turns]
    "security.headers.xcto" = "FAIL"

``change``
    What is changed, in order; undone in reverse. ``kind`` says how, and which keys follow:

    ============  ================================================================================
    fault         ``name``: one of ``sandbox/app/faults.py``, in both processes of the service
    environment   ``variables``: of both processes, on top of their own
    stop          ``server``: by its name in ``state.json``, as ``"PostgreSQL standby_1"``
    edit          ``file``, ``find`` (regular expression, lines are its own), ``put``
    write         ``file``, ``text``, ``append``
    remove        ``file``
    damage        ``file``, ``how``: half, empty or flip (one bit)
    age           ``file``, ``hours``
    mode          ``file``, ``mode`` in octal digits
    set           ``file`` (YAML), ``key`` (dotted), ``value`` or ``drop = true``
    certificate   ``names``, ``days``, ``started_days``, ``trusted``: what nginx shows
    sql           ``do``, ``undo``: lists of the superuser's statements; ``server``, ``restart``
    cache         ``do``, ``undo``: lists of commands
    ============  ================================================================================

    ``file`` is relative to the sandbox's folder and may be a pattern; ``pick = "last"`` takes the
    last match. In texts and statements ``@HTTPS@`` (any port's name), ``@DIR@``, ``@FREE@`` (a free
    port) and the variables of ``quill.env`` are filled in. nginx, Prometheus and PostgreSQL read
    again what is changed below ``servers/``.

``turns``
    **Exactly** the claims that must turn, and to which status. All other claims of their items
    must stay as they were; a claim may be a pattern (``security.tls.*``), which stands for those
    that were PASS or WARN.

``collateral``
    Claims that turn as well although they are not what the fault is about:
    ``{status = "UNKNOWN", because = "…"}``.

``alone``
    True: never applied together with others. ``wait_s``: seconds until it shows.
    ``needs``: programs without which it is left out.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from readiness_kit.contents import Effect, claims
from readiness_kit.errors import UsageError
from readiness_kit.sandbox.changes.certificates import Certificate
from readiness_kit.sandbox.changes.files import Age, Damage, Edit, Mode, Remove, Set, Write
from readiness_kit.sandbox.changes.servers import Environment, Fault, Stop
from readiness_kit.sandbox.changes.stores import Cache, Sql
from readiness_kit.verdict import Status

AnyChange = (
    Age
    | Cache
    | Certificate
    | Damage
    | Edit
    | Environment
    | Fault
    | Mode
    | Remove
    | Set
    | Sql
    | Stop
    | Write
)

Program = Literal["prometheus"]


class Collateral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim that turns although the fault is not about it."""

    status: Status
    because: str


class Break(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault, and exactly what it must turn."""

    name: str = ""
    """The name of its file."""

    title: str
    """What is wrong then, in one line."""

    change: tuple[AnyChange, ...]
    turns: dict[str, Status]
    collateral: dict[str, Collateral] = {}
    alone: bool = False
    wait_s: float = 0.0
    needs: tuple[Program, ...] = ()

    @property
    def wanted(self) -> dict[str, Status]:
        """Every claim, or pattern of claims, that must turn, and to what."""
        return {**self.turns, **{claim: one.status for claim, one in self.collateral.items()}}

    @property
    def items(self) -> frozenset[str]:
        """The items that must be judged again."""
        return frozenset(claim.rpartition(".")[0] for claim in self.wanted)

    @property
    def effects(self) -> frozenset[Effect]:
        """What judging them does to the target, beside reading."""
        named = (claims()[claim].effect for claim in self.wanted if claim in claims())
        return frozenset({"canary", *named}) - {"read"}


@cache
def all_breaks() -> dict[str, Break]:
    """Return every break of the package by name, in the order of the names.

    Raises:
        UsageError: A file makes no sense.

    """
    return {one.name: one for one in _read()}


def named(name: str) -> Break:
    """Return the break called *name*.

    Raises:
        UsageError: There is none.

    """
    import difflib

    found = all_breaks()
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        hint = f"did you mean {near[0]}?" if near else "`readiness prove --list` lists them"
        raise UsageError(f"no break {name!r}", hint=hint)
    return found[name]


def parse(name: str, text: str) -> Break:
    """Return the break that *text*, the content of ``NAME.toml``, describes.

    Raises:
        UsageError: It makes no sense.

    """
    try:
        found = msgspec.convert({**tomllib.loads(text), "name": name}, Break)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"breaks/{name}.toml: {error}") from error
    return found


def _read() -> Iterator[Break]:
    files = resources.files(__name__).iterdir()
    for file in sorted(files, key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield parse(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8"))
