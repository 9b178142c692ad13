"""Tables that screen readers, terminals and notebooks can all read."""

from collections.abc import Iterable
from typing import NamedTuple

from readiness_kit.reports.look import Mark
from readiness_kit.reports.text import escaped, plain

Cell = str | Mark | tuple[str, ...]
"""Text, a mark, or several lines of text."""

_CELL = "text-align:left;vertical-align:top;padding:4px 10px 4px 0;white-space:normal"
_BADGE = "color:#fff;padding:1px 7px;border-radius:3px;white-space:nowrap;font-weight:600"


class Table(NamedTuple):
    """A caption, column heads, and rows whose first cell names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def html(self) -> str:
        """Return the table as HTML; every cell is escaped."""
        style = f'scope="col" style="{_CELL}"'
        head = "".join(f"<th {style}>{escaped(one)}</th>" for one in self.head)
        rows = "".join(_row(row) for row in self.rows)
        caption = f'<caption style="text-align:left">{escaped(self.caption)}</caption>'
        body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        return f'<table class="rk">{caption}{body}</table>'

    def text(self) -> str:
        """Return the table as plain text, one line a row."""
        lines = [self.head, *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.head))]
        drawn = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)
        return "\n".join([plain(self.caption), *(one.rstrip() for one in drawn)])


def badge(mark: Mark) -> str:
    """Return *mark* as HTML: symbol and word on its colour."""
    return f'<span style="background-color:{mark.colour};{_BADGE}">{escaped(mark.text)}</span>'


def _row(row: Iterable[Cell]) -> str:
    first, *rest = row
    cells = "".join(f'<td style="{_CELL}">{_html(cell)}</td>' for cell in rest)
    return f'<tr><th scope="row" style="{_CELL};font-weight:500">{_html(first)}</th>{cells}</tr>'


def _html(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return badge(cell)
    if isinstance(cell, tuple):
        first, *rest = (escaped(line) for line in cell or ("",))
        return first + "".join(f"<br><small>{line}</small>" for line in rest)
    return escaped(cell)


def _text(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return cell.text
    text = " / ".join(cell) if isinstance(cell, tuple) else cell
    return plain(text, 100).replace("\n", " ")
