"""A Python program as an index: its functions, classes, names, and who calls whom with what.

Calls are matched by name and by the arguments that fit: no types are inferred.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope = ast.Module | Function | ast.ClassDef


@dataclass(eq=False)
class Module:
    """One file."""

    name: str
    tree: ast.Module

    names: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    """Values that are assigned to each name at the top."""

    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name to (module, what of it); what is empty for a whole module."""

    def imported(self, name: str) -> str:
        """Return the dotted origin of *name*, empty when it is not imported."""
        module, what = self.imports.get(name, ("", ""))
        return f"{module}.{what}" if what else module

    def uses(self, packages: frozenset[str]) -> bool:
        """Tell whether it imports one of *packages*."""
        return any(module.partition(".")[0] in packages for module, _ in self.imports.values())


@dataclass(eq=False)
class Place:
    """Where an expression stands: its module, function and class."""

    module: Module
    function: Function | None = None
    owner: ast.ClassDef | None = None
    outer: "Place | None" = None
    """Where the function itself is defined."""

    names: dict[str, list[tuple[str, ast.expr]]] = field(default_factory=lambda: defaultdict(list))
    """Values of each local name, with how it gets them: whole, an element, added to."""

    in_class_body: bool = False
    """Whether it is the body of a class itself."""

    checked: set[str] = field(default_factory=set)
    """Names that are compared with a list of what is allowed."""

    @property
    def parameters(self) -> list[ast.arg]:
        """The parameters by position; of methods without the object itself."""
        if self.function is None:
            return []
        found = [*self.function.args.posonlyargs, *self.function.args.args]
        static = any(last_word(one) == "staticmethod" for one in _decorators(self.function))
        return found[1:] if self.owner is not None and not static else found


@dataclass(eq=False)
class Site:
    """One call."""

    call: ast.Call
    place: Place


class Program:
    """Every module of a source tree."""

    def __init__(self, modules: Mapping[str, ast.Module]) -> None:
        """Index *modules*, by the path of their file."""
        self.modules = {name: Module(name, tree) for name, tree in modules.items()}
        self.functions: dict[str, list[Place]] = defaultdict(list)
        self.classes: dict[str, list[tuple[Module, ast.ClassDef]]] = defaultdict(list)
        self.attributes: dict[tuple[int, str], list[tuple[Place, ast.expr]]] = defaultdict(list)
        self.sites: list[Site] = []
        self._callers: dict[int, list[Site]] = {}
        self.calls: dict[str, list[Site]] = defaultdict(list)
        self._mentions: list[tuple[ast.Name | ast.Attribute, Place]] = []
        self.tops = {name: Place(module) for name, module in self.modules.items()}
        self._places: list[Place] = []
        for name, module in self.modules.items():
            self._index(module.tree, self.tops[name])
        self._mentioned = {
            last_word(node) for node, place in self._mentions if _is_free(node, place)
        }
        for site in self.sites:
            self.calls[last_word(site.call.func)].append(site)

    def defined(self, place: Place, name: str) -> list[Place]:
        """Return the functions that *name* may mean at *place*."""
        found = self.functions.get(name, [])
        here = [one for one in found if one.module is place.module and one.owner is None]
        origin = place.module.imported(name)
        return here or ([one for one in found if one.owner is None] if origin else [])

    def callers(self, target: Place) -> list[Site]:
        """Return the calls that may reach *target*, by name and by fitting arguments."""
        if id(target) not in self._callers:
            self._callers[id(target)] = self._find_callers(target)
        return self._callers[id(target)]

    def _find_callers(self, target: Place) -> list[Site]:
        assert not isinstance(target.function, (ast.Lambda, type(None)))  # noqa: S101
        name = target.function.name
        if name == "__init__" and target.owner is not None:
            name = target.owner.name
        return [one for one in self.calls.get(name, []) if _fits(one.call, target)]

    def _index(self, node: ast.AST, place: Place) -> None:
        self._places.append(place)  # so that none is forgotten, and its identity used again
        for child in ast.iter_child_nodes(node):
            self._note(child, place, node)
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                method = isinstance(node, ast.ClassDef) and not isinstance(child, ast.Lambda)
                owner = node if isinstance(node, ast.ClassDef) and method else None
                inner = Place(place.module, child, owner, place)
                if not isinstance(child, ast.Lambda):
                    self.functions[child.name].append(inner)
                self._index(child, inner)
            elif isinstance(child, ast.ClassDef):
                self.classes[child.name].append((place.module, child))
                body = Place(place.module, place.function, child, place.outer, in_class_body=True)
                self._index(child, body)
            else:
                self._index(child, place)

    def is_mentioned(self, name: str) -> bool:
        """Tell whether *name* is handed on somewhere without being called."""
        return name in self._mentioned

    def _note(self, node: ast.AST, place: Place, parent: ast.AST) -> None:
        for target, how, value in _bound(node):
            self._give(target, how, value, place)
        if isinstance(node, ast.Call):
            self.sites.append(Site(node, place))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            place.module.imports |= _imports(node)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            place.checked |= {one.id for one in ast.walk(node.left) if isinstance(one, ast.Name)}
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            called = isinstance(parent, ast.Call) and parent.func is node
            self._mentions += [] if called else [(node, place)]

    def _give(self, target: str | ast.Attribute, how: str, value: ast.expr, place: Place) -> None:
        if isinstance(target, str):
            place.names[target].append((how, value))
            if place.owner is not None and place.in_class_body:
                self.attributes[id(place.owner), target].append((place, value))
            elif place.function is None:
                place.module.names[target].append(value)
        elif isinstance(target.value, ast.Name) and target.value.id in {"self", "cls"}:
            owner = owner_of(place)
            if owner is not None:
                self.attributes[id(owner), target.attr].append((place, value))


def _is_free(node: ast.Name | ast.Attribute, place: Place) -> bool:
    """Tell whether *node* may mean a function, and no local variable."""
    here: Place | None = place
    while isinstance(node, ast.Name) and here is not None:
        spec = here.function.args if here.function is not None else None
        given = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs] if spec is not None else []
        if node.id in here.names or node.id in {one.arg for one in given}:
            return False
        here = here.outer
    return True


def owner_of(place: Place | None) -> ast.ClassDef | None:
    """Return the class that *place* is in."""
    while place is not None and place.owner is None:
        place = place.outer
    return place.owner if place else None


def _bound(node: ast.AST) -> Iterator[tuple[str | ast.Attribute, str, ast.expr]]:
    """Yield each name that *node* gives a value, how, and the value."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _targets(target, node.value)
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
        how = "added" if isinstance(node, ast.AugAssign) else "whole"
        yield from ((name, how, value) for name, _, value in _targets(node.target, node.value))
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from ((name, "element", value) for name, _, value in _targets(node.target, node.iter))
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _targets(node.optional_vars, node.context_expr)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in {"append", "extend", "insert", "add", "update"} and node.args:
            yield from _targets(node.func.value, node.args[-1], "added")
        if node.func.attr == "update":
            for keyword in node.keywords:
                yield from _targets(node.func.value, keyword.value, "added")


def _targets(
    target: ast.expr, value: ast.expr, how: str = "whole"
) -> Iterator[tuple[str | ast.Attribute, str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, how, value
    elif isinstance(target, ast.Attribute):
        yield target, how, value
    elif isinstance(target, ast.Subscript):
        yield from _targets(target.value, value, "added")
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value, value, "element")
    elif isinstance(target, (ast.Tuple, ast.List)):
        same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
        for n, one in enumerate(target.elts):
            part = value.elts[n] if same and isinstance(value, (ast.Tuple, ast.List)) else value
            yield from _targets(one, part, how if same else "element")


def _imports(node: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str]]:
    if isinstance(node, ast.Import):
        return {
            one.asname or one.name.partition(".")[0]: (
                one.name if one.asname else one.name.partition(".")[0],
                "",
            )
            for one in node.names
        }
    module = "." * node.level + (node.module or "")
    return {one.asname or one.name: (module, one.name) for one in node.names}


def _decorators(function: Function) -> list[ast.expr]:
    return [] if isinstance(function, ast.Lambda) else function.decorator_list


def last_word(node: ast.AST) -> str:
    """Return the last word of a dotted name."""
    if isinstance(node, ast.Call):
        return last_word(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _fits(call: ast.Call, target: Place) -> bool:
    """Tell whether the arguments of *call* are ones that *target* takes."""
    assert target.function is not None  # noqa: S101 - only functions have callers
    spec = target.function.args
    named = {one.arg for one in (*target.parameters, *spec.kwonlyargs)}
    loose = any(isinstance(one, ast.Starred) for one in call.args)
    loose = loose or any(one.arg is None for one in call.keywords)
    given = {one.arg for one in call.keywords if one.arg}
    if len(call.args) > len(target.parameters) and spec.vararg is None:
        return False
    if given - named and spec.kwarg is None:
        return False
    required = target.parameters[len(call.args) : len(target.parameters) - len(spec.defaults)]
    return loose or all(one.arg in given for one in required)
