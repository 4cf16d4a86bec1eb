"""Charts as SVG inside the page: titled and described, told apart by pattern and not by colour alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exchange.audit.reports.markup import number, shown
from exchange.audit.reports.report import Point

WIDTH, HEIGHT = 960, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 8, 26, 30
BARS_MAX = 92
LABELS_MAX = 12
_INK, _FILL, _SOFT, _LINE = "#1a1c20", "#1f4e79", "#565c66", "#c9ced6"


@dataclass(frozen=True)
class Part:
    """One part of each bar: its name, its number at a point, and whether it is hatched."""

    name: str
    value: Callable[[Point], int]
    hatched: bool = False


GRANTED = Part("granted", lambda point: point.granted)
REFUSED = Part("refused", lambda point: point.refused, hatched=True)
ROWS = Part("rows delivered", lambda point: point.rows)


def bars(name: str, title: str, points: Sequence[Point], parts: Sequence[Part]) -> str:
    """A figure of stacked bars, one a point; days are put together where there are too many to be seen.

    Args:
        name: of the chart within the page, ASCII.
        title: what it shows, for people.
        points: in order.
        parts: of each bar, from the ground up.
    """
    joined = together(points)
    largest = max((sum(part.value(point) for part in parts) for point in joined), default=0)
    top = ceiling(largest)
    body = "".join(_bar(name, place, len(joined), point, parts, top) for place, point in enumerate(joined))
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12">'
        f'<title id="{name}-t">{shown(title)}</title>'
        f'<desc id="{name}-d">{shown(_described(joined, parts))}</desc>'
        f"{_hatch(name)}{_axis(top)}{body}{_labels(joined)}{_legend(name, parts)}</svg>"
        f"<figcaption>{shown(title)}</figcaption></figure>"
    )


def together(points: Sequence[Point]) -> list[Point]:
    """At most BARS_MAX points: neighbours are added up where there are more."""
    each = -(-len(points) // BARS_MAX) if points else 1
    groups = [points[at : at + each] for at in range(0, len(points), each)]
    return [
        Point(
            label=group[0].label,
            granted=sum(point.granted for point in group),
            refused=sum(point.refused for point in group),
            rows=sum(point.rows for point in group),
        )
        for group in groups
    ]


def ceiling(largest: int) -> int:
    """The top of the axis: 1, 2, 4 or 5 times a power of ten, and divisible by the lines across."""
    step = 1
    while True:
        for times in (4, 8, 20):
            if largest <= times * step:
                return times * step
        step *= 10


def _described(points: Sequence[Point], parts: Sequence[Part]) -> str:
    told = []
    for part in parts:
        values = [part.value(point) for point in points]
        if not any(values):
            told.append(f"{part.name}: none")
            continue
        highest = max(range(len(values)), key=values.__getitem__)
        told.append(
            f"{part.name}: {number(sum(values))} in all, most at {points[highest].label} "
            f"({number(values[highest])})"
        )
    return "; ".join(told)


def _hatch(name: str) -> str:
    return (
        f'<defs><pattern id="{name}-h" width="5" height="5" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="5" height="5" fill="#fff"/>'
        f'<line x1="0" y1="0" x2="0" y2="5" stroke="{_INK}" stroke-width="2.4"/></pattern></defs>'
    )


def _axis(top: int) -> str:
    lines = []
    for quarter in range(5):
        value = top * quarter // 4
        y = _y(value, top)
        colour = _INK if quarter == 0 else _LINE
        lines.append(
            f'<line x1="{_LEFT}" y1="{y}" x2="{WIDTH - _RIGHT}" y2="{y}" stroke="{colour}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{_SOFT}">{number(value)}</text>'
        )
    return "".join(lines)


def _bar(name: str, place: int, count: int, point: Point, parts: Sequence[Part], top: int) -> str:
    slot = (WIDTH - _LEFT - _RIGHT) * 100 // count
    x, width = _LEFT * 100 + place * slot + slot // 8, slot * 3 // 4
    told = ", ".join(f"{number(part.value(point))} {part.name}" for part in parts)
    drawn, ground = [], 0
    for part in parts:
        value = part.value(point)
        if value:
            upper, lower = _y(ground + value, top), _y(ground, top)
            fill = f"url(#{name}-h)" if part.hatched else _FILL
            drawn.append(
                f'<rect x="{_hundredths(x)}" y="{upper}" width="{_hundredths(width)}" '
                f'height="{max(1, lower - upper)}" '
                f'fill="{fill}" stroke="{_INK}" stroke-width="0.6"/>'
            )
            ground += value
    return f"<g><title>{shown(point.label)}: {told}</title>{''.join(drawn)}</g>" if drawn else ""


def _labels(points: Sequence[Point]) -> str:
    if not points:
        return ""
    every = -(-len(points) // LABELS_MAX)
    slot = (WIDTH - _LEFT - _RIGHT) * 100 // len(points)
    return "".join(
        f'<text x="{_hundredths(_LEFT * 100 + place * slot + slot // 2)}" y="{HEIGHT - 10}" '
        f'text-anchor="middle" fill="{_SOFT}">{shown(points[place].label)}</text>'
        for place in range(0, len(points), every)
    )


def _legend(name: str, parts: Sequence[Part]) -> str:
    drawn = []
    for place, part in enumerate(parts):
        x = _LEFT + place * 130
        fill = f"url(#{name}-h)" if part.hatched else _FILL
        drawn.append(
            f'<rect x="{x}" y="4" width="14" height="12" fill="{fill}" stroke="{_INK}" stroke-width="0.6"/>'
            f'<text x="{x + 20}" y="14" fill="{_INK}">{shown(part.name)}</text>'
        )
    return "".join(drawn)


def _y(value: int, top: int) -> int:
    room = HEIGHT - _TOP - _BOTTOM
    return HEIGHT - _BOTTOM - value * room // top


def _hundredths(value: int) -> str:
    """A coordinate without floating point, so that every machine writes the same page."""
    return f"{value // 100}.{value % 100:02d}"
