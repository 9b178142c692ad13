"""What a report is made of, read from a run folder."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from readiness_kit.assessment import Assessment
from readiness_kit.errors import RunFolderError
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.facts import Fact
from readiness_kit.results import Results, decode
from readiness_kit.target import Objectives


class Material(NamedTuple):
    """What a report is made of."""

    results: Results
    facts_of: Callable[[str], Iterable[Fact]]
    """From an item's id to the facts that were seen for it."""
    objectives: Objectives


def material(assessment: Assessment, results: Results | None = None) -> Material:
    """Return what reports on the run in *assessment* are made of.

    The *results* are those given, else those stored, else judged anew from the facts.

    Raises:
        RunFolderError: A file of the run is damaged.

    """
    folder = assessment.folder
    found = results or _stored_results(folder) or assessment.results()
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


def _stored_results(folder: RunFolder) -> Results | None:
    try:
        return decode((folder.path / "results.json").read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise RunFolderError(f"{folder.path}: results.json is damaged: {error}") from error
