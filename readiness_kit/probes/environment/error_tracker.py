"""Read from source, manifests and environment how the error tracker is set up."""

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit.facts.environment.error_tracker import ErrorTrackerConfiguration, SampleRate
from readiness_kit.probes.environment.places import environments
from readiness_kit.probes.source.tree import source_tree, text_of
from readiness_kit.sources import Visit, source

ADDRESS = re.compile(r"https?://[0-9a-f]{16,64}(?::[0-9a-f]{16,64})?@[\w.-]+(?::\d+)?/\w*\d+\b")
"""A DSN of Sentry's protocol: key, host and number of the project."""

PLANTED = f'sentry_sdk.init(dsn="https://{"0123456789abcdef" * 2}@o1.tracker.invalid/42")'

RATE = "traces_sample_rate"


@source(
    effect="read",
    asks="no request: reads source, manifests, environment file and local processes",
    deadline_s=15,
)
def error_tracker_configuration(visit: Visit) -> ErrorTrackerConfiguration:
    """Search the source for addresses and rates, and every environment for the variable.

    Raises:
        NotSeen: No source tree is declared.

    """
    tree, variable = source_tree(visit), visit.target.application.tracker_variable
    texts = {tree.name(file): text_of(file) for file in tree.files}
    read = {name: text for name, text in texts.items() if text is not None}
    searched = list(environments(visit))
    modules = dict(_modules(read))
    return ErrorTrackerConfiguration(
        variable=variable,
        environments_searched=tuple(one.origin for one in searched),
        set_in=tuple(one.origin for one in searched if one.sets(variable)),
        written_in=(
            *_lines(read, ADDRESS),
            *(one.origin for one in searched if not one.own and one.writes(variable)),
        ),
        read_in=tuple(_lines(read, re.compile(rf"\b{re.escape(variable)}\b"))),
        started_in=tuple(f"{name}:{call.lineno}" for name, call in _starts(modules)),
        sample_rates=tuple(_rates(modules)),
        source_files=len(read),
        source_complete=tree.complete and len(read) == len(texts),
        planted=ADDRESS.search(PLANTED) is not None,
        observed_at=datetime.now(UTC),
    )


def _lines(texts: Mapping[str, str], sought: re.Pattern[str]) -> Iterator[str]:
    for name, text in texts.items():
        for found in sought.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}"


def _modules(texts: Mapping[str, str]) -> Iterator[tuple[str, ast.Module]]:
    for name, text in texts.items():
        if Path(name).suffix == ".py":
            with suppress(SyntaxError, ValueError, RecursionError):
                yield name, ast.parse(text)


def _starts(modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of the client's ``init``, by whichever name it was imported."""
    for name, module in modules.items():
        plain = {
            alias.asname or alias.name
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom) and node.module == "sentry_sdk"
            for alias in node.names
            if alias.name == "init"
        }
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and (
                ast.unparse(node.func) == "sentry_sdk.init" or ast.unparse(node.func) in plain
            ):
                yield name, node


def _rates(modules: Mapping[str, ast.Module]) -> Iterator[SampleRate]:
    for name, call in _starts(modules):
        for keyword in call.keywords:
            if keyword.arg == RATE:
                rate = _number(keyword.value, modules[name])
                yield SampleRate(where=f"{name}:{keyword.value.lineno}", rate=rate)


def _number(value: ast.expr, module: ast.Module) -> float | None:
    """Return the number that *value* is, or that a constant of its module is."""
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in module.body
            if isinstance(node, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id == value.id for one in node.targets)
        ]
        return _number(given[0], ast.Module([], [])) if len(given) == 1 else None
    with suppress(ValueError, TypeError):
        number = ast.literal_eval(value)
        return float(number) if isinstance(number, (int, float)) else None
    return None
