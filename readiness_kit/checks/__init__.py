"""The judges: one file per item, or one room where that would be long, at the path its id names.

Pure: facts in, findings out.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

from readiness_kit.verdict import Check


@cache
def all_checks() -> dict[str, Check]:
    """Return every check by item id, found by walking the sections: there is no list to keep."""
    return {
        check.id: check for section in _inside(__name__) for check in map(_check, _inside(section))
    }


def _inside(package: str) -> Iterator[str]:
    path = importlib.import_module(package).__path__
    return (module.name for module in pkgutil.iter_modules(path, f"{package}."))


def _check(name: str) -> Check:
    check = importlib.import_module(name).CHECK
    if not isinstance(check, Check):
        message = f"{name}.CHECK is no Check"
        raise TypeError(message)
    return check
