"""Who may do what: declared operations tried as every role, objects as somebody else's."""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.api.graphql import GraphqlAnswer

Undone = Literal["yes", "no", "nothing"]
"""Whether what a try had written was removed again."""

ANONYMOUS = "anonymous"
"""The role of a caller without a token."""


class Cell(Record, frozen=True, kw_only=True):
    """One operation, tried as one role."""

    operation: str
    """Its name in the matrix."""

    role: str
    """Role, or ``anonymous``."""

    declared: bool
    """Whether the matrix lets the role do it."""

    answer: GraphqlAnswer | None = None
    """What came back; ``None`` when it was not tried."""

    reason: str = ""
    """Why it was not tried."""

    undone: Undone = "nothing"


class AccessMatrix(Fact, frozen=True, kw_only=True):
    """Every operation of the declared matrix, tried as every role."""

    file: str
    """File name of the matrix."""

    roles: tuple[str, ...]
    """Roles of the matrix, ``anonymous`` included."""

    operations: tuple[str, ...]
    """Operations of the matrix, by name."""

    cells: tuple[Cell, ...]

    uncovered: tuple[str, ...] = ()
    """Root fields of the schema that no operation of the matrix uses: ``Mutation.deletePost``."""


class OwnedTry(Record, frozen=True, kw_only=True):
    """One object of one caller, and what another caller got of it."""

    name: str
    """What the object is."""

    owner: str
    other: str

    other_control: GraphqlAnswer | None
    """What the other caller got for a query that every caller may ask; ``None`` when none is
    declared."""

    owner_read: GraphqlAnswer | None
    """The control: its owner asks for it; ``None`` when there was no object."""

    other_read: GraphqlAnswer | None
    """The other caller asks for it."""

    other_writes: tuple[GraphqlAnswer, ...]
    """The other caller tries each declared write on it."""

    owner_read_after: GraphqlAnswer | None
    """Its owner asks again, after all that."""

    changed: bool
    """Whether the owner's second answer differs from the first."""

    owner_write: GraphqlAnswer | None
    """The control of the writes: its owner uses the first of them; ``None`` when none is tried."""

    undone: Undone

    reason: str = ""
    """Why there was no object."""


class ObjectOwnership(Fact, frozen=True, kw_only=True):
    """Objects of one caller, asked for by another."""

    tries: tuple[OwnedTry, ...]

    mutations: bool | None
    """Whether the schema has mutations; ``None`` when no schema was seen."""


class FieldRead(Record, frozen=True, kw_only=True):
    """One restricted field, asked for by one caller."""

    field: str
    """``Type.field``."""

    identity: str
    """Which of the target's identities, or ``anonymous``."""

    privileged: bool
    """Whether that caller may read it."""

    values: int
    """How many different values of the field came back."""

    made_up: bool
    """Whether the query was made up from the schema: one value may be the caller's own."""

    answer: GraphqlAnswer

    control: GraphqlAnswer | None
    """What the caller got for a query that every caller may ask; ``None`` when none is declared."""

    nulls: int = 0
    """How often the field itself came back as null: the object was there, the value hidden."""


class RestrictedFields(Fact, frozen=True, kw_only=True):
    """Every restricted field, asked for by every identity and by nobody."""

    fields: tuple[str, ...]
    """The fields that are declared as restricted."""

    reads: tuple[FieldRead, ...]

    unasked: dict[str, str]
    """Declared fields that could not be asked for, with the reason."""
