"""What a report is made of, read from a run folder."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from readiness_kit.assessment import Assessment
from readiness_kit.errors import RunFolderError
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.facts import Fact
from readiness_kit.results import Results
from readiness_kit.signoff.standing import standing
from readiness_kit.target import Objectives


class Material(NamedTuple):
    """What a report is made of."""

    results: Results
    facts_of: Callable[[str], Iterable[Fact]]
    """From an item's id to the facts that were seen for it."""
    objectives: Objectives


def material(assessment: Assessment, results: Results | None = None) -> Material:
    """Return what reports on the run in *assessment* are made of.

    The *results* are those given, else those that stand: see :func:`standing`.

    Raises:
        IntegrityError: The run was changed since it was sealed.
        RunFolderError: A file of the run is damaged.

    """
    folder = assessment.folder
    found = results or standing(folder)
    return Material(found, assessment.facts_of, stored_objectives(folder))


def stored_objectives(folder: RunFolder) -> Objectives:
    """Return the objectives that the run in *folder* was judged by.

    Raises:
        RunFolderError: They are missing or damaged.

    """
    try:
        data = (folder.path / "target.redacted.json").read_bytes()
        return msgspec.convert(msgspec.json.decode(data)["objectives"], Objectives)
    except (OSError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise RunFolderError(f"{folder.path}: target.redacted.json is damaged: {error}") from error
