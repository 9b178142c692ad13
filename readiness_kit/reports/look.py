"""How things look: one colour, one symbol and one word per status, told apart without colour.

The colours follow Okabe and Ito (2008), darkened until white text on them has a contrast of at
least 4.5 to 1 (WCAG 2.2, criterion 1.4.3).
"""

from typing import NamedTuple

from readiness_kit.verdict import Status, Verdict

BLUE = "#0072B2"
ORANGE = "#D55E00"
PURPLE = "#AA4499"
GREY = "#595F69"
FAINT = "#D5D9E0"
INK = "#1B1F24"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', 'Liberation Sans', sans-serif"


class Mark(NamedTuple):
    """What stands for a status."""

    symbol: str
    colour: str
    word: str

    @property
    def text(self) -> str:
        """Symbol and word, for readers without colour."""
        return f"{self.symbol} {self.word}"


MARKS: dict[Status, Mark] = {
    Status.FAIL: Mark("✗", "#B3261E", "FAIL"),
    Status.UNKNOWN: Mark("?", "#3D4F9F", "UNKNOWN"),
    Status.WARN: Mark("!", "#A34700", "WARN"),
    Status.ATTESTED: Mark("✎", "#8A3A7A", "ATTESTED"),
    Status.PASS: Mark("✓", "#00664A", "PASS"),
    Status.NOT_APPLICABLE: Mark("-", GREY, "N/A"),
}

VERDICTS: dict[Verdict, Mark] = {
    Verdict.NO_GO: Mark("✗", MARKS[Status.FAIL].colour, "NO-GO"),
    Verdict.UNDECIDED: Mark("?", MARKS[Status.UNKNOWN].colour, "UNDECIDED"),
    Verdict.GO: Mark("✓", MARKS[Status.PASS].colour, "GO"),
}


def mark(status: Status, *, waived: bool = False) -> Mark:
    """Return what stands for *status*; a waived one stays red and says that it is waived."""
    one = MARKS[status]
    return one._replace(word=f"{one.word} (waived)") if waived else one
