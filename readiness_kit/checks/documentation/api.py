"""API documentation: every type and field is described, and the documented schema is the live one.

>>> CHECK.shows()
{'fields_described': 'PASS', 'matches_live_schema': 'PASS'}
>>> CHECK.shows(described_otherwise(DOCUMENTED))["matches_live_schema"]
'WARN'
>>> CHECK.shows(undescribed(LIVE))["fields_described"]
'FAIL'
>>> CHECK.shows(LIVE.replace(elements=()))["fields_described"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.api.documentation import DocumentedSchema, LiveSchema, SchemaElement
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

DESCRIBED = 0.95
"""Default of the kit."""

COUNTED = frozenset({"type", "field", "argument"})
SHOWN = 8
"""Most names that a finding lists."""


@judges("fields_described")
def judge_descriptions(live: LiveSchema) -> Iterator[Finding]:
    """Practically every type, field and argument of the running schema has a description."""
    counted = [one for one in live.elements if one.kind in COUNTED]
    bare = [one.coordinate for one in counted if not one.description]
    mute = [one.coordinate for one in live.elements if one.deprecated and not one.reason]
    case = Case(
        claim="fields_described",
        got=f"{len(counted) - len(bare)} of {len(counted)} types, fields and arguments described"
        + _listed("; not: ", bare)
        + _listed("; deprecated without a reason: ", mute),
        want=f"{DESCRIBED:.0%} described, and a reason for each deprecation",
        seen=[LiveSchema.at("/elements")],
        reproduce="npx graphql-inspector introspect $URL/graphql "
        "--header 'authorization: Bearer $ADMIN_TOKEN'",
    )
    if not counted:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    elif len(counted) - len(bare) < DESCRIBED * len(counted):
        yield case.fails("describe them where they are defined: docstrings become descriptions")
    elif mute:
        yield case.holds("say what to use instead: @deprecated(reason: …)")
    else:
        yield case.holds()


@judges("matches_live_schema")
def judge_match(live: LiveSchema, documented: DocumentedSchema) -> Iterator[Finding]:
    """What is documented is what runs, in types, fields, arguments and their descriptions."""
    here = {one.coordinate: one for one in documented.elements}
    there = {one.coordinate: one for one in live.elements}
    undocumented = sorted(there.keys() - here.keys())
    gone = sorted(here.keys() - there.keys())
    shared = sorted(here.keys() & there.keys())
    changed = [name for name in shared if _shape(here[name]) != _shape(there[name])]
    reworded = [name for name in shared if here[name].description != there[name].description]
    case = Case(
        claim="matches_live_schema",
        got=f"{len(shared)} elements in both"
        + _listed("; only live: ", undocumented)
        + _listed("; only documented: ", gone)
        + _listed("; different: ", changed)
        + _listed("; described differently: ", reworded),
        want=f"{documented.file} equal to the running schema",
        seen=[LiveSchema.at("/elements"), DocumentedSchema.at("/elements")],
        reproduce=f"npx graphql-inspector diff {documented.file} $URL/graphql",
    )
    if not here or not there:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    elif undocumented or gone or changed:
        yield case.fails("write the schema file from the code in CI, and fail when it differs")
    elif reworded:
        yield case.holds("only descriptions differ: write the schema file anew")
    else:
        yield case.holds()


def _shape(one: SchemaElement) -> tuple[str, str, bool]:
    return one.kind, one.signature, one.deprecated


def _listed(words: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return words + ", ".join(names[:SHOWN]) + more if names else ""


def _element(coordinate: str, kind: str, signature: str) -> SchemaElement:
    return SchemaElement(
        coordinate=coordinate,
        kind=kind,
        signature=signature,
        description="0123456789ab",
        deprecated=False,
        reason=False,
    )


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ELEMENTS = (
    _element("Query", "type", "Object"),
    _element("Query.user", "field", "User"),
    _element("Query.user(id:)", "argument", "ID!"),
    _element("User", "type", "Object"),
    _element("User.name", "field", "String!"),
)
LIVE = LiveSchema(observed_at=_NOW, identity="identities.admin", elements=_ELEMENTS)
DOCUMENTED = DocumentedSchema(observed_at=_NOW, file="schema.graphql", elements=_ELEMENTS)


def undescribed(live: LiveSchema) -> LiveSchema:
    """Describe nothing."""
    return live.replace(elements=tuple(replace(one, description="") for one in live.elements))


def deprecated_without_reason(live: LiveSchema) -> LiveSchema:
    """Deprecate everything without a word."""
    silent = (replace(one, deprecated=True, reason=False) for one in live.elements)
    return live.replace(elements=tuple(silent))


def described_otherwise(documented: DocumentedSchema) -> DocumentedSchema:
    """Describe everything in other words than the running schema."""
    words = (replace(one, description=f"{one.description}+") for one in documented.elements)
    return documented.replace(elements=tuple(words))


def field_missing(documented: DocumentedSchema) -> DocumentedSchema:
    """Document one element that is nowhere, and so lack what runs."""
    invented = _element("Query.invented", "field", "Int")
    return documented.replace(elements=(*documented.elements, invented))


CHECK = Check(
    (judge_descriptions, judge_match),
    remedy="Describe types, fields and arguments where they are defined, write the schema file "
    "from the code in CI, and fail the build when it differs from what is committed.",
    references=("GraphQL specification, October 2021, §2.1 and §3.13.3",),
    good=(LIVE, DOCUMENTED),
    worsen=(undescribed, deprecated_without_reason, described_otherwise, field_missing),
    thresholds={
        "fields_described": "95 % (default of the kit); a deprecation without reason is a warning",
        "matches_live_schema": "equal; other descriptions alone are a warning",
    },
)
