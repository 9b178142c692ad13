"""CSV: one line a claim, for spreadsheets."""

import csv as standard
import io

from readiness_kit.reports import rows
from readiness_kit.reports.text import plain
from readiness_kit.results import Results

HEAD = ("claim", "title", "status", "waived", "cause", "severity", "owner", "got", "want")

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would compute what begins with one of these."""


def csv(results: Results) -> str:
    """Return every claim of *results* as CSV (RFC 4180)."""
    out = io.StringIO(newline="")
    writer = standard.writer(out, lineterminator="\r\n")
    writer.writerow(HEAD)
    for one in results.claims():
        cause = one.cause.value if one.cause else ""
        said = (one.got, rows.wanted(one))
        stands = (one.status.value, "yes" if one.waived else "no", cause)
        writer.writerow(map(_inert, (one.id, one.title, *stands, one.severity, one.owner, *said)))
    return out.getvalue()


def _inert(text: str) -> str:
    shown = plain(text).replace("\n", " ")
    return f"'{shown}" if shown.startswith(FORMULA) else shown
