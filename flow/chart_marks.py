"""SVG by hand: a plot area with axes, bars, lines, bands and cells.

Promises: plain inline SVG without scripts or outside files; every text is escaped; every mark carries a title that a
pointer shows; colours are CSS variables of the page, so that print and screen can differ. Not here: which charts a
report has (`charts.py`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr


def nice_top(value: float) -> float:
    """A round number at or a little above `value`, whose quarter is round as well."""
    if value <= 0:
        return 4.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * size >= value)


def number(value: float) -> str:
    """A number for people: thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"


@dataclass
class Plot:
    """One chart. `width` × `height` in units of the page; the plot area is inside the margins."""

    width: float
    height: float
    top_value: float = 1.0
    left: float = 58.0
    right: float = 12.0
    top: float = 14.0
    bottom: float = 26.0
    marks: list[str] = field(default_factory=list)

    @property
    def inner(self) -> float:
        return self.width - self.left - self.right

    def x(self, share: float) -> float:
        """The place of a share 0…1 of the way across."""
        return self.left + self.inner * share

    def y(self, value: float) -> float:
        """The height of a value."""
        return self.height - self.bottom - (self.height - self.top - self.bottom) * value / self.top_value

    def grid(self, unit: str = "") -> None:
        """Four rules with their values."""
        for step in range(5):
            value = self.top_value * step / 4
            at = self.y(value)
            kind = "axis" if step == 0 else "rule"
            self.marks.append(
                f'<line class="{kind}" x1="{self.left}" x2="{self.width - self.right}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
            self.text(self.left - 6, at + 3.5, number(value) + unit, "tick end")

    def text(self, x: float, y: float, words: str, kind: str = "tick") -> None:
        """A text; `kind` are CSS classes."""
        self.marks.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>')

    def bar(self, x: float, width: float, low: float, high: float, kind: str, title: str) -> None:
        """A bar from one value to another."""
        top, height = self.y(high), self.y(low) - self.y(high)
        if height > 0:
            radius = min(2.5, width / 3, height)
            self.marks.append(
                f'<rect class="{kind}" x="{x:.2f}" y="{top:.2f}" width="{max(width, 0.4):.2f}" height="{height:.2f}" '
                f'rx="{radius:.1f}"><title>{escape(title)}</title></rect>'
            )

    def cell(
        self, x: float, y: float, width: float, height: float, kind: str, title: str, opacity: float = 1.0
    ) -> None:
        """A rectangle in units of the page."""
        self.marks.append(
            f'<rect class="{kind}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" rx="2" '
            f'fill-opacity="{opacity:.3f}"><title>{escape(title)}</title></rect>'
        )

    def line(self, points: Iterable[tuple[float, float | None]], kind: str) -> None:
        """A line through (x, value); it breaks where a value is None."""
        for run in _runs(points):
            path = " ".join(f"{'L' if n else 'M'}{x:.1f} {self.y(v):.1f}" for n, (x, v) in enumerate(run))
            if len(run) == 1:
                path += " l0.01 0"
            self.marks.append(f'<path class="{kind}" d="{path}"/>')

    def band(self, low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], kind: str) -> None:
        """The area between two lines."""
        points = [*high, *reversed(low)]
        path = " ".join(f"{'L' if n else 'M'}{x:.1f} {self.y(v):.1f}" for n, (x, v) in enumerate(points))
        self.marks.append(f'<path class="{kind}" d="{path} Z"/>')

    def dot(self, x: float, value: float, kind: str, title: str, radius: float = 3.2) -> None:
        """A point."""
        self.marks.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{self.y(value):.1f}" r="{radius}">'
            f"<title>{escape(title)}</title></circle>"
        )

    def svg(self, label: str) -> str:
        """The whole chart, with a label for those who cannot see it."""
        return (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label={quoteattr(label)} '
            f'preserveAspectRatio="xMidYMid meet">{"".join(self.marks)}</svg>'
        )


def _runs(points: Iterable[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for x, value in points:
        if value is not None:
            runs[-1].append((x, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
