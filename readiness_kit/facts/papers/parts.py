"""Documents read by structure: sections, steps, commands, people, decisions, messages, dates."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

Way = Literal["restore", "point_in_time", "failover"]
"""A way to recover that a procedure describes."""

Act = Literal["promote", "fence", "redirect", "rejoin"]
"""What a failover by hand is made of."""

Moment = Literal["start", "update", "end", "general"]
"""When of an incident a message is sent."""


class PaperDates(Record, frozen=True, kw_only=True):
    """When somebody last had a document in hand."""

    reviewed_on: datetime | None
    """Day of the last review, 00:00 UTC, as the document itself says."""

    changed_at: datetime | None
    """Last commit that changed more than its layout; ``None`` where git does not keep it."""

    ignored_commits: int
    """Later commits that changed its layout only, or that git is told to ignore."""

    @property
    def latest(self) -> datetime | None:
        """The later of both."""
        return max(filter(None, (self.reviewed_on, self.changed_at)), default=None)


class Step(Record, frozen=True, kw_only=True):
    """One item of a numbered list."""

    line: int
    """Line, from 1."""

    commands: int
    """Lines of shell in its code blocks."""

    acts: tuple[Act, ...]
    """Parts of a failover that its words or commands are about."""


class Procedure(Record, frozen=True, kw_only=True):
    """A section with numbered steps, the sections below it included."""

    heading: str
    """Its heading."""

    line: int
    """Line, from 1."""

    ways: tuple[Way, ...]
    """Ways to recover that its heading names and its commands take."""

    steps: tuple[Step, ...]
    """Its steps."""


class Contact(Record, frozen=True, kw_only=True):
    """One row of a table of contacts that names role, person and way."""

    line: int
    """Line, from 1."""

    name: str
    """Whom to call."""

    complete: bool
    """Whether role, name and way are all filled in."""


class Decision(Record, frozen=True, kw_only=True):
    """One question with its outcomes."""

    question: str
    """The question."""

    outcomes: int
    """Different outcomes."""

    unlinked: tuple[str, ...]
    """Final outcomes from which no link leads to a section or document that exists."""


class ShellProblem(Record, frozen=True, kw_only=True):
    """What a checker says of a code block."""

    line: int
    """Line in the document, from 1."""

    grave: bool
    """Whether it is an error rather than a warning."""

    said: str
    """What it says."""


class Paper(Record, frozen=True, kw_only=True):
    """One document of recovery."""

    kind: str
    """Its kind in ``readiness.yaml``."""

    file: str
    """File name."""

    words: int
    """Words outside code."""

    dates: PaperDates
    """When it was last changed or reviewed."""

    procedures: tuple[Procedure, ...]
    """Sections with numbered steps."""

    contacts: tuple[Contact, ...]
    """People to call."""

    decisions: tuple[Decision, ...]
    """Decisions drawn or written."""

    dead_links: tuple[str, ...]
    """Links to sections or files that do not exist."""

    shell_problems: tuple[ShellProblem, ...] | None
    """What the checker found; ``None`` when there is no checker here."""


class RecoveryPapers(Fact, frozen=True, kw_only=True):
    """Every declared document that tells how to recover."""

    papers: tuple[Paper, ...]
    """In the order of their declaration."""

    shell_checker: str
    """What checked the code blocks, with its version; empty when nothing could."""


class Message(Record, frozen=True, kw_only=True):
    """One prepared message."""

    line: int
    """Line, from 1."""

    moment: Moment
    """When of an incident it is sent."""

    placeholders: int
    """Different places to fill in."""


class CommunicationPlan(Fact, frozen=True, kw_only=True):
    """Who is told what in an incident."""

    file: str
    """File name of the document."""

    words: int
    """Words outside code."""

    dates: PaperDates
    """When it was last changed or reviewed."""

    stakeholders: int
    """People or groups with the way they are told."""

    owner: str
    """Who keeps the list; empty when not said."""

    messages: tuple[Message, ...]
    """Prepared messages."""


class StatusPage(Fact, frozen=True, kw_only=True):
    """The page that tells callers how the service is."""

    url: str
    """Its URL; empty when none is declared."""

    status: int
    """HTTP status; 0 when there was no answer."""

    answered_s: float
    """Seconds until the whole answer was there."""

    states: tuple[str, ...]
    """Words of state that the page shows."""

    problem: str
    """Why there was no answer; empty when there was one."""

    host: str
    """Host of the page."""

    canonical: str
    """Name that the host stands for, by the resolver; the host itself where it is none else."""

    provider: str
    """Known host of status pages to whom that name belongs; empty when it belongs to none."""

    addresses: tuple[str, ...]
    """Addresses behind it."""

    service_host: str
    """Host of the service."""

    service_addresses: tuple[str, ...]
    """Addresses behind that."""

    public: bool
    """Whether every address of both is a public one."""
