"""What a notebook cell shows: the same thing as HTML, picture and text, for whoever reads it.

``application/vnd.plotly.v1+json`` moves in JupyterLab, ``image/svg+xml`` stands still on GitHub and
in print, ``text/plain`` reads in a terminal. No PNG: JupyterLab would prefer it to the live chart.
"""

from dataclasses import dataclass

from readiness_kit.reports.figure import Chart
from readiness_kit.reports.interactive import MIME, figure
from readiness_kit.reports.svg import svg
from readiness_kit.reports.tables import Table
from readiness_kit.reports.text import plain

OUTPUT_CAP = 200_000
"""Most characters of one form of one output."""

Bundle = dict[str, object]


@dataclass(frozen=True)
class Html:
    """HTML made here from escaped parts, with the same in words."""

    html: str
    text: str

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        # Viewers of notebooks set what stands between two dollar signs as a formula.
        html = f'<div class="mathjax_ignore tex2jax_ignore">{self.html}</div>'
        return bundle({"text/html": html, "text/plain": self.text})

    def __repr__(self) -> str:
        """Show the words."""
        return self.text


@dataclass(frozen=True)
class Picture:
    """A chart, live and still."""

    chart: Chart

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return bundle(
            {MIME: figure(self.chart), "image/svg+xml": svg(self.chart), "text/plain": repr(self)}
        )

    def __repr__(self) -> str:
        """Show the finding, the limits and the note."""
        limits = "; ".join(limit.name for limit in self.chart.limits)
        return " | ".join(plain(one) for one in (self.chart.title, limits, self.chart.note) if one)


def shown(table: Table) -> Html:
    """Return *table* fit for a cell."""
    return Html(table.html(), table.text())


def bundle(forms: Bundle) -> Bundle:
    """Return *forms* without those that are too long to be kept in a notebook."""
    return {
        mime: data
        for mime, data in forms.items()
        if not isinstance(data, str) or len(data) <= OUTPUT_CAP
    } or {"text/plain": "(too long to be shown; the facts in the run folder have it all)"}
