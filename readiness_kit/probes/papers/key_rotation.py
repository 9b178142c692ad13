"""Read how often documents say that keys are rotated, and when they were."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from readiness_kit.facts.callers.api_keys import KeyRotation, RotatedKey, StatedRotation
from readiness_kit.probes.kubernetes.manifests import Manifest, manifest_files, manifests
from readiness_kit.probes.kubernetes.secrets import items, mapping
from readiness_kit.probes.papers.documents import declared, read, texts
from readiness_kit.sources import Visit, source

KINDS = ("rotation", "security", "secrets", "api_keys")
"""Kinds of document in which the rotation of keys is looked for."""

ANNOTATION = re.compile(
    r"(?:^|/)(?:last-?)?rotat(?:ed|ion)(?:-(?:on|at|date))?$|last-?rotat", re.IGNORECASE
)
"""Annotations that hold the day of the latest rotation."""

_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
_WORDS = {
    "daily": 1, "weekly": 7, "monthly": 30, "quarterly": 90, "yearly": 365, "annually": 365,
}  # fmt: skip
_PERIOD = re.compile(
    r"(?<![\w.,])(?P<number>\d+(?:\.\d+)?|an?|one|every|each)[\s\u00a0-]*(?P<unit>day|week|month|quarter|year)s?\b"
    r"|\b(?P<word>daily|weekly|monthly|quarterly|yearly|annually)\b",
    re.IGNORECASE,
)
_ROTATED = re.compile(r"\brotat|\brenew|\breplaced?\b|\bre-?issue", re.IGNORECASE)
_API_KEY = re.compile(r"\bAPI[ -]?(?:keys?|tokens?|credentials)|\b\w*API_KEYS?\b", re.IGNORECASE)
_KEY = re.compile(
    r"\bkeys?\b|\bsecrets?\b|\bcredentials?\b|\btokens?\b|\bpasswords?\b", re.IGNORECASE
)
_OTHER_KEYS = re.compile(r"\bsign-?off\b|\bcertificates?\b|\bSSH\b|\bhost keys?\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|never|no longer|without)\b", re.IGNORECASE)


@source(effect="read", asks="no request: reads documents and manifests", deadline_s=10)
def key_rotation(visit: Visit) -> KeyRotation:
    """Read the declared documents, and the annotations of what fills the keys.

    Raises:
        NotSeen: No such document is declared, or one cannot be read.

    """
    named = declared(visit, KINDS, "document on the rotation of keys")
    now = datetime.now(UTC)
    return KeyRotation(
        observed_at=now,
        documents=tuple(f"{kind}: {file.name}" for kind, file in named.items()),
        stated=tuple(one for file in named.values() for one in rotations(read(file), file.name)),
        keys=tuple(_keys(visit, now)),
    )


def rotations(markdown: str, document: str) -> Iterator[StatedRotation]:
    """Yield every period of rotation that *markdown* states.

    >>> [one.days for one in rotations("API keys are rotated every 90 days.", "security.md")]
    [90.0]
    >>> list(rotations("API keys are never rotated. Backups are kept 90 days.", "security.md"))
    []
    """
    about = ""
    for text in texts(markdown):
        row = " : " in text.words
        if not row or (_ROTATED.search(text.words) and not _PERIOD.search(text.words)):
            about = text.words  # what the rows of a table below are about
        rotated = row and _ROTATED.search(about)
        for sentence in re.split(r"(?<=[.!?;])\s+", text.words):
            own = _ROTATED.search(sentence) or rotated
            found = _PERIOD.search(sentence)
            names = _API_KEY.search(sentence) is not None
            general = _KEY.search(sentence) is not None and not _OTHER_KEYS.search(sentence)
            if own and found and (names or general) and not _DENIED.search(sentence):
                yield StatedRotation(
                    days=_days(found),
                    names_api_keys=names,
                    document=document,
                    line=text.line,
                    words=sentence[:200],
                )


def _days(found: re.Match[str]) -> float:
    if found["word"]:
        return float(_WORDS[found["word"].lower()])
    number = found["number"].lower()
    count = float(number) if number[0].isdigit() else 1.0
    return count * _DAYS[found["unit"].lower()]


def _keys(visit: Visit, now: datetime) -> Iterator[RotatedKey]:
    """Yield each API key with the day of its latest rotation: declared, or by annotation."""
    objects: list[Manifest] = []
    if visit.target.kubernetes.manifests:
        objects = [one for file in manifest_files(visit) for one in manifests(file)]
    for name in visit.target.credentials.api:
        declared = visit.target.api_keys.rotated.get(name)
        if declared is not None:
            yield _key(name, declared, "readiness.yaml: api_keys.rotated", now)
            continue
        told = [found for one in objects if (found := _annotated(one, name)) is not None]
        days = [_key(name, day, origin, now) for day, origin in told]
        known = [one for one in days if one.age_days is not None]
        yield min(known, key=_age, default=(days or [_key(name, "", "", now)])[0])


def _age(key: RotatedKey) -> float:
    return key.age_days or 0.0


def _annotated(one: Manifest, name: str) -> tuple[str, str] | None:
    """Return day and place of an annotation on what holds the key *name*."""
    metadata, spec = mapping(one.body.get("metadata")), mapping(one.body.get("spec"))
    keys = {
        *map(str, mapping(one.body.get("data"))),
        *map(str, mapping(one.body.get("stringData"))),
        *map(str, mapping(spec.get("encryptedData"))),
        *(str(mapping(part).get("secretKey")) for part in items(spec.get("data"))),
    }
    if "Secret" not in one.kind or name not in keys:
        return None
    for label, day in mapping(metadata.get("annotations")).items():
        if ANNOTATION.search(label):
            return str(day), f"{one.origin}: {one.kind}/{metadata.get('name')} {label}"
    return None


def _key(name: str, day: str, origin: str, now: datetime) -> RotatedKey:
    """Return the key with its age; a day that cannot be read, or is to come, gives none."""
    try:
        moment = datetime.fromisoformat(day)
    except ValueError:
        return RotatedKey(name=name, on=day, age_days=None, origin=origin)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    age = (now - moment) / timedelta(days=1)
    return RotatedKey(
        name=name, on=day, age_days=round(age, 2) if age >= -1 else None, origin=origin
    )
