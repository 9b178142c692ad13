"""Environment variables: the required ones are set, and their secrets are random, not examples.

>>> CHECK.shows()
{'present': 'PASS', 'values_strong': 'PASS'}
>>> CHECK.shows(lose_a_variable(GOOD))
{'present': 'FAIL', 'values_strong': 'UNKNOWN'}
>>> CHECK.shows(let_the_group_read(GOOD))["values_strong"]
'WARN'
>>> CHECK.shows(leave_unexpanded(GOOD))["values_strong"]
'FAIL'
"""

import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.environment.required import (
    RequiredVariable,
    RequiredVariables,
    VariablesAt,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

LEAST_BITS = 128
"""Security strength that NIST SP 800-57 part 1 asks for beyond 2030."""

OTHERS = stat.S_IRWXO
GROUP = stat.S_IRWXG


@judges("present")
def judge_present(seen: RequiredVariables) -> Iterator[Finding]:
    """Every required variable is set in each environment of the service, or by its manifests."""
    places = _deciding(seen)
    lost = [
        f"{one.name} is {one.state} in {place.origin}"
        for place in places
        for one in _of(place, seen)
        if one.state in {"missing", "empty"} and not _elsewhere(one.name, place, seen)
    ]
    unclear = [one.name for place in places for one in _of(place, seen) if one.state == "not_told"]
    unclear = [name for name in unclear if not _told(name, seen)]
    case = Case(
        claim="present",
        got="; ".join(lost)
        or f"{len(seen.names)} variables at {_names(places)}"
        + f"; not told: {', '.join(sorted(set(unclear)))}" * bool(unclear),
        want=f"set and not empty: {', '.join(seen.names) or 'no variable is named'}",
        seen=[RequiredVariables.at("/places")],
        reproduce=f"grep -oE '^({'|'.join(seen.names)})=.' ENVIRONMENT_FILE | cut -d= -f1",
        grade=Grade.DECLARED,
    )
    if not places or not seen.names:
        yield case.not_seen(Cause.NOT_CONFIGURED)
    elif lost:
        yield case.fails("name what the service really reads as application.required_variables")
    elif unclear:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    else:
        yield case.holds()


@judges("values_strong")
def judge_values(seen: RequiredVariables) -> Iterator[Finding]:
    """Every secret in them may have 128 bits, and nobody but the owner reads the file."""
    known = [(place, one) for place in seen.places for one in _of(place, seen)]
    secrets = [(place, one) for place, one in known if one.holds_secret]
    weak = [f"{one.name} in {place.origin} {why}" for place, one in secrets if (why := _weak(one))]
    files = [place for place in seen.places if place.mode is not None]
    open_files = [f"{one.origin} has mode {one.mode:04o}" for one in files if one.mode is not None]
    case = Case(
        claim="values_strong",
        got="; ".join(weak)
        or f"{len(secrets)} secrets, the weakest with {_least(secrets)} bits at the most; "
        f"{', '.join(open_files) or 'no file'}",
        want=f"each secret of {LEAST_BITS} bits or more, none an example; file of mode 0600",
        seen=[RequiredVariables.at("/places")],
        reproduce="stat -c %a ENVIRONMENT_FILE; openssl rand -hex 32 makes a good value",
        grade=Grade.DECLARED,
    )
    if weak or any((place.mode or 0) & OTHERS for place in files):
        yield case.fails("make values with `openssl rand -hex 32`: systemd runs no $(command)")
    elif not secrets or not _all_known(seen):
        yield case.not_seen(Cause.COULD_NOT_ASK if seen.places else Cause.NOT_CONFIGURED)
    elif not files and not any(place.kind == "manifest" for place in seen.places):
        yield case.not_seen(Cause.NOT_CONFIGURED, "name application.environment_file")
    elif any((place.mode or 0) & GROUP for place in files):
        yield case.holds("let nobody but the owner read it: chmod 0600 (CIS Benchmarks, files)")
    else:
        yield case.holds()


def _deciding(seen: RequiredVariables) -> list[VariablesAt]:
    """Return the service's own environments, or else what is declared for them."""
    own = [place for place in seen.places if place.kind in {"file", "process"}]
    return own or list(seen.places)


def _elsewhere(name: str, place: VariablesAt, seen: RequiredVariables) -> bool:
    """Tell whether another manifest or unit gives *name*: it need not be the same pod's."""
    if place.kind in {"file", "process"}:
        return False
    return _told(name, seen) or any(
        one.name == name and one.state == "not_told"
        for other in seen.places
        for one in other.variables
    )


def _told(name: str, seen: RequiredVariables) -> bool:
    return any(
        one.name == name and one.state in {"set", "by_reference"}
        for place in seen.places
        for one in place.variables
    )


def _of(place: VariablesAt, seen: RequiredVariables) -> Iterator[RequiredVariable]:
    """Yield each required variable; one that was not looked for is missing."""
    found = {one.name: one for one in place.variables}
    for name in seen.names:
        yield found.get(name) or _missing(name)


def _missing(name: str) -> RequiredVariable:
    return RequiredVariable(
        name=name,
        state="missing",
        holds_secret=False,
        bits=None,
        example=False,
        unexpanded=False,
        fingerprint="",
    )


def _all_known(seen: RequiredVariables) -> bool:
    """Tell whether each value was read where the service itself has it."""
    own = [place for place in seen.places if place.kind in {"file", "process"}]
    return bool(own) and all(one.state == "set" for place in own for one in _of(place, seen))


def _weak(one: RequiredVariable) -> str:
    if one.unexpanded:
        return "is a command or a reference that nothing replaces"
    if one.example:
        return "is an example"
    if one.bits is None or not one.bits >= LEAST_BITS:
        return f"has {one.bits or 0:g} bits at the most"
    return ""


def _least(secrets: Sequence[tuple[VariablesAt, RequiredVariable]]) -> str:
    return f"{min((one.bits or 0 for _, one in secrets), default=0):g}"


def _names(places: Sequence[VariablesAt]) -> str:
    return ", ".join(place.origin for place in places) or "no place"


def _strong(name: str) -> RequiredVariable:
    return replace(
        _missing(name), state="set", holds_secret=True, bits=256.0, fingerprint="2c26b46b68ff"
    )


GOOD = RequiredVariables(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    names=("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_SECRET"),
    places=(
        VariablesAt(
            origin="shop.env",
            kind="file",
            variables=tuple(
                map(_strong, ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_SECRET"))
            ),
            mode=0o600,
        ),
    ),
)


def _every(seen: RequiredVariables, **changes: object) -> RequiredVariables:
    """Change every variable that is a known secret."""
    places = (
        replace(
            place,
            variables=tuple(
                replace(one, **changes) if one.holds_secret else one for one in place.variables
            ),
        )
        for place in seen.places
    )
    return seen.replace(places=tuple(places))


def lose_a_variable(seen: RequiredVariables) -> RequiredVariables:
    """The last variable is not there."""
    places = (replace(place, variables=place.variables[:-1]) for place in seen.places)
    return seen.replace(places=tuple(places))


def forget_places(seen: RequiredVariables) -> RequiredVariables:
    """Nothing was read."""
    return seen.replace(places=())


def let_the_group_read(seen: RequiredVariables) -> RequiredVariables:
    """The group may read the file."""
    return _mode(seen, stat.S_IRGRP)


def let_everybody_read(seen: RequiredVariables) -> RequiredVariables:
    """Everybody may read the file."""
    return _mode(seen, stat.S_IROTH)


def _mode(seen: RequiredVariables, bit: int) -> RequiredVariables:
    places = (
        place if place.mode is None else replace(place, mode=place.mode | bit)
        for place in seen.places
    )
    return seen.replace(places=tuple(places))


def shorten(seen: RequiredVariables) -> RequiredVariables:
    """Each secret has one bit too few."""
    return _every(seen, bits=127.0)


def take_examples(seen: RequiredVariables) -> RequiredVariables:
    """Each secret is one from the documentation."""
    return _every(seen, example=True)


def leave_unexpanded(seen: RequiredVariables) -> RequiredVariables:
    """Each secret is a command that nobody runs."""
    return _every(seen, unexpanded=True)


CHECK = Check(
    (judge_present, judge_values),
    remedy="Set every required variable, secrets from `openssl rand -hex 32` or a secrets manager, "
    "in a file of mode 0600 that the service's account owns.",
    references=("NIST SP 800-57 part 1 revision 5 table 4", "systemd.exec(5): EnvironmentFile="),
    good=(GOOD,),
    worsen=(
        lose_a_variable,
        forget_places,
        let_the_group_read,
        let_everybody_read,
        shorten,
        take_examples,
        leave_unexpanded,
    ),
    thresholds={
        "present": "every required variable set and not empty",
        "values_strong": f"{LEAST_BITS} bits, no example, no $(command); file 0600 or stricter",
    },
)
