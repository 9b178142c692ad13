"""Tables that screen readers, terminals and notebooks can all read."""

from collections.abc import Container, Iterable
from typing import NamedTuple

from readiness_kit.reports.look import Mark
from readiness_kit.reports.text import escaped, plain, wrapped

Cell = str | Mark | tuple[str, ...]
"""Text, a mark, or several lines of text."""

_CELL = "text-align:left;vertical-align:top;padding:4px 10px 4px 0;white-space:normal"
_BADGE = "color:#fff;padding:1px 7px;border-radius:3px;display:inline-block;font-weight:600"


class Table(NamedTuple):
    """A caption, column heads, and rows whose first cell names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def html(self, anchors: Container[str] = ()) -> str:
        """Return the table as HTML; every cell is escaped.

        A row that is named by an item, or a claim of an item, among *anchors* leads there.
        """
        style = f'scope="col" style="{_CELL}"'
        head = "".join(f"<th {style}>{escaped(one)}</th>" for one in self.head)
        rows = "".join(_row(row, anchors) for row in self.rows)
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
    """Return *mark* as HTML: symbol and word on its colour, in narrow columns on two lines."""
    word, _, more = mark.text.partition(" (")
    text = f'<span style="white-space:nowrap">{escaped(word)}</span>'
    text += f" ({escaped(more)}" if more else ""
    return f'<span style="background-color:{mark.colour};{_BADGE}">{text}</span>'


def _row(row: Iterable[Cell], anchors: Container[str]) -> str:
    first, *rest = row
    cells = "".join(f'<td style="{_CELL}">{_html(cell)}</td>' for cell in rest)
    name = _html(first, anchors)
    return f'<tr><th scope="row" style="{_CELL};font-weight:500">{name}</th>{cells}</tr>'


def _html(cell: Cell, anchors: Container[str] = ()) -> str:
    if isinstance(cell, Mark):
        return badge(cell)
    if isinstance(cell, tuple):
        first, *rest = cell or ("",)
        more = (f"<br><small>{_linked(line, anchors)}</small>" for line in rest)
        return wrapped(first) + "".join(more)
    return wrapped(cell)


def _linked(line: str, anchors: Container[str]) -> str:
    for place in (line, line.rpartition(".")[0]):
        if place in anchors:
            return f'<a href="#{escaped(place)}">{wrapped(line)}</a>'
    return wrapped(line)


def _text(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return cell.text
    text = " / ".join(cell) if isinstance(cell, tuple) else cell
    return plain(text, 100).replace("\n", " ")
