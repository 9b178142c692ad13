"""What a text in a Python program is made of: constants, parameters, or what callers choose.

Assignments to a name are taken together, in whatever order they stand. That may find too much in a
name that is used for two things, and misses none.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from readiness_kit.probes.source.program import (
    Function,
    Place,
    Program,
    Site,
    last_word,
    owner_of,
)

DEPTH_CAP = 40
STEPS_CAP = 20_000
"""Expressions that are looked at for one statement; what takes more stays undecided."""


class Origin(NamedTuple):
    """One thing a text is made of, besides constants that say nothing."""

    kind: Literal["parameter", "outside", "unknown", "sql"]
    """``sql``: a constant by which the text is known to be SQL."""

    reason: str

    joined: bool = False
    """Whether it was joined to other text on the way, and not handed on whole."""

    place: Place | None = None
    """Where the parameter belongs to."""


Origins = frozenset[Origin]
NONE: Origins = frozenset()

SQL_TEXT = re.compile(
    r"\b(?:SELECT\b[^;]+\bFROM|INSERT\s+INTO|UPDATE\b[^;]+\bSET|DELETE\s+FROM|COPY\b|CALL\b|WITH\b[^;]+\bAS"
    r"|(?:CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|SET|LISTEN|NOTIFY|VACUUM|EXPLAIN|SELECT)\s)",
    re.IGNORECASE | re.DOTALL,
)
"""What begins so is SQL, where a function is called that may send some."""

HARMLESS = frozenset(
    {"int", "float", "bool", "len", "Decimal", "UUID", "round", "abs", "ord", "hash", "id", "sum"}
    | {"quote_ident", "quote_literal", "quote_identifier", "Identifier", "Literal", "Placeholder"}
    | {"isinstance", "token_hex", "uuid4", "perf_counter", "time", "date", "datetime", "timedelta"}
)
"""Functions whose result holds no text of a caller's choosing, or quotes it."""

BUILDERS = frozenset({"sqlalchemy", "sqlmodel", "pypika", "peewee"})
"""Packages whose constructs carry values as parameters."""

ON_TEXT = frozenset(
    {"format", "join", "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize"}
    | {"replace", "removeprefix", "removesuffix", "encode", "decode", "split", "rsplit", "casefold"}
    | {
        "splitlines",
        "partition",
        "rpartition",
        "ljust",
        "rjust",
        "zfill",
        "expandtabs",
        "translate",
    }
    | {"get", "keys", "values", "items", "pop", "copy", "as_string", "setdefault", "format_map"}
)
"""Methods of texts and collections: what comes out was in them, or in the arguments."""

THROUGH = frozenset(
    {"str", "repr", "format", "list", "tuple", "set", "sorted", "reversed", "dict", "enumerate"}
    | {"zip", "dedent", "bytes", "iter", "next", "filter", "chain", "min", "max", "frozenset"}
    | {"LiteralString", "fspath", "cleandoc", "Composed", "SQL", "text"}
)
"""Functions that hand on what they are given."""

OUTSIDE = frozenset(
    {"input", "request", "websocket", "argv", "query_params", "path_params", "form"}
)
"""Names that stand for what comes from outside."""

CHECKED_TYPES = frozenset(
    {"int", "float", "bool", "UUID", "Decimal", "date", "datetime", "LiteralString", "Literal"}
)
"""Annotations that promise harmless values; Python does not enforce them."""


PARTS: dict[type[ast.expr], tuple[str, ...]] = {
    ast.Compare: (),
    ast.JoinedStr: ("values",),
    ast.FormattedValue: ("value", "format_spec"),
    ast.BinOp: ("left", "right"),
    ast.IfExp: ("body", "orelse"),
    ast.BoolOp: ("values",),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Set: ("elts",),
    ast.Dict: ("keys", "values"),
    ast.ListComp: ("elt",),
    ast.SetComp: ("elt",),
    ast.GeneratorExp: ("elt",),
    ast.DictComp: ("key", "value"),
    ast.Await: ("value",),
    ast.Starred: ("value",),
    ast.NamedExpr: ("value",),
    ast.UnaryOp: ("operand",),
    ast.Subscript: ("value",),
}
"""Parts of an expression that end up in its value: conditions and indices do not."""

JOINS = (ast.JoinedStr, ast.BinOp)


class Tracer:
    """Follows expressions of a program back to where they come from."""

    def __init__(self, program: Program) -> None:
        """Follow expressions in *program*."""
        self._program = program
        self._under_way: set[tuple[int, int]] = set()
        self._known: dict[tuple[int, int], Origins] = {}
        self._cut = 0
        self._steps = 0

    def origins(self, node: ast.expr | None, place: Place, depth: int = 0) -> Origins:
        """Return what *node* is made of, besides constants that say nothing."""
        key = (id(node), id(place))
        if node is None or key in self._known:
            return self._known.get(key, NONE)
        self._steps += 1
        if key in self._under_way or depth > DEPTH_CAP or self._steps > STEPS_CAP:
            self._cut += 1
            return NONE if key in self._under_way else _unknown("followed too far")
        before = self._cut
        self._under_way.add(key)
        try:
            found = self._of(node, place, depth + 1)
        finally:
            self._under_way.discard(key)
        if self._cut == before:  # else it is only what can be told from inside a circle
            self._known[key] = found
        return found

    def made_of(self, node: ast.expr, place: Place) -> Origins:
        """Return what *node* is made of, parameters replaced by what callers give for them."""
        self._steps = 0
        return self.resolved(self.origins(node, place))

    def resolved(self, found: Origins, seen: frozenset[tuple[int, str]] = frozenset()) -> Origins:
        """Replace parameters by what callers give for them."""
        result: set[Origin] = set()
        for one in found:
            if one.kind != "parameter" or one.place is None:
                result.add(one)
                continue
            key = (id(one.place.function), one.reason)
            if key not in seen:
                given = self._given(one, one.place)
                result |= {
                    part._replace(joined=part.joined or one.joined)
                    for part in self.resolved(given, seen | {key})
                }
        return frozenset(result)

    def _given(self, one: Origin, place: Place) -> Origins:
        """Return what the callers of a function give for one of its parameters."""
        function = place.function
        if function is None or isinstance(function, ast.Lambda):
            return _unknown(f"{one.reason} of a lambda")
        if self._steps > STEPS_CAP:
            return _unknown("followed too far")
        what = f"parameter {one.reason} of {function.name}()"
        sites = [] if self._is_entry(function) else self._program.callers(place)
        if not sites:
            promised = _promise(function, one.reason)
            if promised:
                return _unknown(f"{what} is promised to be {promised}")
            return (
                frozenset({Origin("outside", what)}) if one.joined else _unknown(f"{what}, whole")
            )
        return _all(self._argument(site, place, one.reason) for site in sites)

    def _is_entry(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Tell whether something else than the program's own calls may reach it."""
        known = {"staticmethod", "classmethod", "cache", "lru_cache", "contextmanager", "wraps"}
        known |= {"asynccontextmanager", "override", "property", "abstractmethod"}
        foreign = any(last_word(one) not in known for one in function.decorator_list)
        return foreign or self._program.is_mentioned(function.name)

    def _argument(self, site: Site, target: Place, name: str) -> Origins:
        assert target.function is not None  # noqa: S101 - it has a parameter
        for keyword in site.call.keywords:
            if keyword.arg == name:
                return self.origins(keyword.value, site.place)
        names = [one.arg for one in target.parameters]
        at = names.index(name) if name in names else len(names)
        starred = [n for n, one in enumerate(site.call.args) if isinstance(one, ast.Starred)]
        unpacked = bool(starred) and starred[0] <= at
        if at < min(len(names), len(site.call.args)) and not unpacked:
            return self.origins(site.call.args[at], site.place)
        if unpacked or any(one.arg is None for one in site.call.keywords):
            return _unknown(f"{name} is unpacked from a collection")
        spec = target.function.args
        if spec.vararg is not None and spec.vararg.arg == name:
            return _all(self.origins(one, site.place) for one in site.call.args[len(names) :])
        if spec.kwarg is not None and spec.kwarg.arg == name:
            return _all(self.origins(one.value, site.place) for one in site.call.keywords)
        return self.origins(_default(target.function, name), target.outer or target)

    def _of(self, node: ast.expr, place: Place, depth: int) -> Origins:
        if isinstance(node, ast.Name):
            return self._name(node.id, place, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, place, depth)
        if isinstance(node, ast.Call):
            return self._call(node, place, depth)
        if isinstance(node, ast.Constant):
            says = isinstance(node.value, str) and SQL_TEXT.search(node.value)
            return frozenset({Origin("sql", "")}) if says else NONE
        if type(node) not in PARTS:
            return _unknown(f"{type(node).__name__.lower()} in line {node.lineno}")
        parts = list(_parts(node))
        found = _all(self.origins(one, place, depth) for one in parts)
        return _joined(found) if isinstance(node, JOINS) and len(parts) > 1 else found

    def _name(self, name: str, place: Place, depth: int) -> Origins:
        here: Place | None = place
        while here is not None:
            found = self._local(name, here, depth)
            if found is not None:
                return self._doubted(found, name, place)
            here = here.outer
        values = place.module.names.get(name)
        if values:
            top = self._program.tops[place.module.name]
            return _all(self.origins(one, top, depth) for one in values)
        origin = place.module.imported(name)
        if name in OUTSIDE:
            return frozenset({Origin("outside", name)})
        return self._imported(name, origin, depth) if origin else self._built_in(name)

    def _local(self, name: str, here: Place, depth: int) -> Origins | None:
        """Return what *name* is inside the function at *here*, None when it is not its own."""
        if here.function is None:
            return None
        spec = here.function.args
        extra = [one for one in (spec.vararg, spec.kwarg) if one is not None]
        parameters = {one.arg for one in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *extra)}
        given = here.names.get(name, [])
        if not given and name not in parameters:
            return None
        found = set(_all(self._how(how, value, here, depth) for how, value in given))
        if name in parameters:
            found.add(Origin("parameter", name, place=here))
        return frozenset(found)

    def _how(self, how: str, value: ast.expr, place: Place, depth: int) -> Origins:
        found = self.origins(value, place, depth)
        return _joined(found) if how == "added" else found

    def _doubted(self, found: Origins, name: str, place: Place) -> Origins:
        """Give up on a value that is compared with a list: it may be one of those."""
        here: Place | None = place
        while here is not None:
            if name in here.checked and any(one.kind != "sql" for one in found):
                return _unknown(f"{name} is compared with a list of what is allowed")
            here = here.outer
        return found

    def _imported(self, name: str, origin: str, depth: int) -> Origins:
        what = origin.rpartition(".")[2]
        for module in self._program.modules.values():
            stem = module.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if what in module.names and stem.endswith(origin.rpartition(".")[0].lstrip(".")):
                top = self._program.tops[module.name]
                return _all(self.origins(one, top, depth) for one in module.names[what])
        return _unknown(f"{name} of {origin}")

    def _built_in(self, name: str) -> Origins:
        return NONE if hasattr(builtins, name) else _unknown(name)

    def _attribute(self, node: ast.Attribute, place: Place, depth: int) -> Origins:
        owner = owner_of(place)
        of_self = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        classes = [one for _, one in self._program.classes.get(last_word(node.value), [])]
        for one in [owner] if of_self and owner is not None else classes:
            values = self._program.attributes.get((id(one), node.attr))
            if values:
                return _all(self.origins(value, where, depth) for where, value in values)
        if of_self:
            return _unknown(f"self.{node.attr}")
        if node.attr in OUTSIDE:
            return frozenset({Origin("outside", node.attr)})
        return self.origins(node.value, place, depth)

    def _call(self, node: ast.Call, place: Place, depth: int) -> Origins:
        name = last_word(node.func)
        arguments = [*node.args, *(one.value for one in node.keywords)]
        if name in HARMLESS or _is_built(node, place):
            return NONE
        if name == "cast":
            return self.origins(node.args[-1] if node.args else None, place, depth)
        if name in OUTSIDE:
            return frozenset({Origin("outside", f"{name}()")})
        if isinstance(node.func, ast.Attribute) and name in ON_TEXT:
            found = _all(self.origins(one, place, depth) for one in [node.func.value, *arguments])
            return _joined(found) if name in {"format", "join", "format_map", "replace"} else found
        if name in THROUGH:
            return _all(self.origins(one, place, depth) for one in arguments)
        returned = self._returned(node, place, depth)
        if returned is not None:
            return returned
        found = _all(self.origins(one, place, depth) for one in arguments)
        outside = frozenset(one for one in found if one.kind == "outside")
        return outside | _unknown(f"result of {name or 'a call'}()")

    def _returned(self, node: ast.Call, place: Place, depth: int) -> Origins | None:
        """Return what a function of the program gives back, its parameters as they are here."""
        name = last_word(node.func)
        if isinstance(node.func, ast.Name):
            targets = self._program.defined(place, name)
        else:
            targets = [
                one for one in self._program.functions.get(name, []) if one.owner is not None
            ]
        targets = [one for one in targets if self._program.callers(one)]
        if not targets:
            return None
        result: set[Origin] = set()
        for target in targets:
            for value in _returns(target.function):
                for one in self.origins(value, target, depth):
                    if one.kind == "parameter" and one.place is target:
                        given = self._argument(Site(node, place), target, one.reason)
                        result |= _joined(given) if one.joined else given
                    else:
                        result.add(one)
        return frozenset(result)


def _parts(node: ast.expr) -> Iterator[ast.expr | None]:
    for field in PARTS[type(node)]:
        value = getattr(node, field)
        yield from value if isinstance(value, list) else [value]


def _unknown(reason: str) -> Origins:
    return frozenset({Origin("unknown", reason)})


def _all(found: Iterable[Origins]) -> Origins:
    return frozenset().union(*found)


def _joined(found: Origins) -> Origins:
    return frozenset(one._replace(joined=True) for one in found)


def _is_built(node: ast.Call, place: Place) -> bool:
    """Tell whether a call builds SQL by a package that keeps values apart, or goes on building."""
    func: ast.expr = node.func
    while isinstance(func, (ast.Attribute, ast.Call)):
        if isinstance(func, ast.Call) and last_word(func.func) in {"SQL", "text"}:
            return True
        func = func.func if isinstance(func, ast.Call) else func.value
    name = func.id if isinstance(func, ast.Name) else ""
    return place.module.imported(name).partition(".")[0] in BUILDERS


def _promise(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> str:
    spec = function.args
    for one in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
        if one.arg == name and one.annotation is not None:
            words = {last_word(node) for node in ast.walk(one.annotation)} - {""}
            promised = words & CHECKED_TYPES
            return min(promised) if promised and words <= CHECKED_TYPES | {"Optional"} else ""
    return ""


def _default(function: Function, name: str) -> ast.expr | None:
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    by_position = zip(
        positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True
    )
    by_name = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    return next((value for one, value in (*by_position, *by_name) if one.arg == name), None)


def _returns(function: Function | None) -> Iterator[ast.expr]:
    """Yield what *function* returns or yields, functions inside it apart."""
    if isinstance(function, ast.Lambda):
        yield function.body
        return
    waiting: list[ast.AST] = list(function.body) if function is not None else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) and node.value is not None:
            yield node.value
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
