"""The judges: one file per item, at the path its id names. Pure: facts in, findings out."""

import importlib
import pkgutil
from functools import cache

from readiness_kit.verdict import Check


@cache
def all_checks() -> dict[str, Check]:
    """Return every check by item id, found by walking the package: there is no list to keep."""
    modules = pkgutil.walk_packages(__path__, f"{__name__}.")
    checks = (_check(module.name) for module in modules if not module.ispkg)
    return {check.id: check for check in checks}


def _check(name: str) -> Check:
    check = importlib.import_module(name).CHECK
    if not isinstance(check, Check):
        message = f"{name}.CHECK is no Check"
        raise TypeError(message)
    return check
