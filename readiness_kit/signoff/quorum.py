"""The quorum: four roles, each signed for by a person and with a key of its own."""

from itertools import combinations

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.signoff import record
from readiness_kit.signoff.record import Signature, Terms


def signatures(terms: Terms) -> tuple[tuple[Signature, ...], list[str]]:
    """Return the signatures that hold, and what is wrong with the others or between them."""
    held: list[tuple[Signature, bytes]] = []
    problems = []
    for role in ROLES:
        try:
            held.append(verify_role(terms, role))
        except IntegrityError as error:
            problems.append(f"{role}: {error.message}")
    for other, one in combinations(held, 2):
        problems += record.shared(*one, *other)
    return tuple(signature for signature, _ in held), problems


def verify_role(terms: Terms, role: str) -> tuple[Signature, bytes]:
    """Return the signature of *role* in the run, and the blob of its key.

    Raises:
        IntegrityError: There is none, or it does not hold.

    """
    folder = terms.run.folder
    if not record.there(folder, role):
        raise IntegrityError("has not signed")
    return terms.hold(role, record.read(record.place(folder, role)))
