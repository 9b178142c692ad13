"""Markdown: a job summary or a comment on a pull request."""

import re

from readiness_kit.reports import rows
from readiness_kit.reports.look import Mark
from readiness_kit.reports.tables import Cell, Table
from readiness_kit.reports.text import plain
from readiness_kit.results import Results


def markdown(results: Results) -> str:
    """Return *results* in short: verdict, counts, waived claims, red claims."""
    target = results.target
    parts = [
        f"## {escaped(target.name)}: {rows.verdict_mark(results).text}",
        f"{escaped(rows.verdict_line(results))}  \nRun `{results.run_id}`",
        *(f"- incomplete: {escaped(one)}" for one in results.incomplete_reasons),
        _table(rows.sections_table(results)),
        *(_table(one) for one in (rows.waived_table(results), rows.red_table(results)) if one.rows),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Return *text* such that nothing in it is markup, a mention or a new table cell.

    >>> escaped("<b> *x* | @all")
    '&lt;b&gt; \\*x\\* \\| &#64;all'
    """
    flat = re.sub(r"([\\`*_{}\[\]()#+!|~-])", r"\\\1", plain(text).replace("\n", " "))
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return flat.replace("@", "&#64;")


def _table(table: Table) -> str:
    lines = [table.head, *(tuple(_cell(cell) for cell in row) for row in table.rows)]
    drawn = [f"| {' | '.join(line)} |" for line in lines]
    drawn.insert(1, f"|{' --- |' * len(table.head)}")
    return "\n".join([f"**{escaped(table.caption)}**", "", *drawn])


def _cell(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return escaped(cell.text)
    return "<br>".join(escaped(line) for line in cell) if isinstance(cell, tuple) else escaped(cell)
