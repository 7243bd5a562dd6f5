"""The stages of some runs on one time axis, as plain SVG; legible on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from benchmarks.assembly.stages import (
    API,
    BOOT,
    CLUSTER,
    ETCD,
    KUBELET,
    PREPARE,
    WAIT,
    Stage,
)

WIDTH, LEFT, RIGHT = 900, 80, 20
ROW, BAR = 22, 14
TITLE, LINE = 24, 14
HEAD, GAP = TITLE + 3 * LINE + 6, 34  # above a chart, and below it
TICK = 10  # seconds

# What each kind of stage is called and its colour; a wait is an outline, as nothing is done.
LEGEND: Mapping[str, tuple[str, str]] = {
    BOOT: ("boot, cloud-init", "#8c959f"),
    PREPARE: ("prepare", "#bf8700"),
    ETCD: ("etcd", "#8250df"),
    API: ("API server", "#0969da"),
    CLUSTER: ("cluster's addons", "#bf3989"),
    KUBELET: ("kubelet, until Ready", "#1a7f37"),
    WAIT: ("waits", "none"),
}
STYLE = """\
text { font: 12px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif;
  fill: #1f2328 }
.title { font-weight: 600; font-size: 14px }
.faint { fill: #59636e; font-size: 11px }
.grid { stroke: #d1d9e0 }
.wait { fill: none; stroke: #59636e; stroke-dasharray: 3 2 }
.moment { stroke: #1f2328; stroke-width: 1.5 }
.ready { fill: #1a7f37; stroke: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .faint { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .wait { stroke: #9198a1 }
  .moment { stroke: #f0f6fc }
  .ready { stroke: #0d1117 }
}"""


@dataclass(frozen=True, slots=True)
class Chart:
    """One run.

    Attributes:
        title: what it is a run of.
        seconds: moments of the whole cluster, in words.
        ready: when each node was Ready.
        stages: what each node did when.
    """

    title: str
    seconds: Mapping[str, float]
    ready: Mapping[str, float]
    stages: Mapping[str, list[Stage]]


def picture(charts: list[Chart]) -> str:
    """Draw the charts, one below the other."""
    last = max(max(chart.seconds.values()) for chart in charts)
    whole = TICK * math.ceil((last + 1) / TICK)
    scale = (WIDTH - LEFT - RIGHT) / whole
    lines: list[str] = list(_legend())
    top = 30
    for chart in charts:
        lines += _chart(chart, top, scale, whole)
        top += HEAD + ROW * len(chart.stages) + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" role="img"',
            f' viewBox="0 0 {WIDTH} {top}">',
            f"<title>{escape(' and '.join(chart.title for chart in charts))}</title>",
            f"<style>\n{STYLE}\n</style>",
            *lines,
            "</svg>\n",
        ]
    )


def _legend() -> Iterator[str]:
    x = LEFT
    for kind, (name, _) in LEGEND.items():
        yield _bar(kind, x, 8, 12, 12)
        yield f'<text class="faint" x="{x + 17}" y="18">{escape(name)}</text>'
        x += 34 + round(6.2 * len(name))
    yield f'<circle class="ready" cx="{x + 6}" cy="14" r="4.5"/>'
    yield f'<text class="faint" x="{x + 15}" y="18">Ready</text>'


def _bar(kind: str, x: float, y: float, width: float, height: float, title: str = "") -> str:
    look = 'class="wait"' if kind == WAIT else f'fill="{LEGEND[kind][1]}"'
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height}" rx="1.5"'
    return f"<rect {place} {look}><title>{escape(title or LEGEND[kind][0])}</title></rect>"


def _chart(chart: Chart, top: float, scale: float, whole: int) -> Iterator[str]:
    rows = top + HEAD
    bottom = rows + ROW * len(chart.stages)
    yield f'<text class="title" x="{LEFT}" y="{top + 18}">{escape(chart.title)}</text>'
    for second in range(0, whole + 1, TICK):
        x = LEFT + second * scale
        yield f'<path class="grid" d="M{x:.1f} {rows - 4}V{bottom}"/>'
        yield (
            f'<text class="faint" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{second}'
            f"{' s' if second == 0 else ''}</text>"
        )
    for number, (node, stages) in enumerate(chart.stages.items()):
        y = rows + ROW * number + (ROW - BAR) / 2
        yield f'<text x="{LEFT - 10}" y="{y + 11}" text-anchor="end">{escape(node)}</text>'
        for stage in stages:
            title = f"{stage.start:.1f}-{stage.end:.1f} s: {stage.text}"
            x = LEFT + stage.start * scale
            # a wait's outline stays within its own time
            inset = 0.5 if stage.kind == WAIT else 0
            width = (stage.end - stage.start) * scale - 2 * inset
            yield _bar(stage.kind, x + inset, y, width, BAR, title)
        at = chart.ready[node]
        yield (
            f'<circle class="ready" cx="{LEFT + at * scale:.1f}" cy="{y + BAR / 2}" r="4.5">'
            f"<title>Ready at {at:.1f} s</title></circle>"
        )
    yield from _moments(chart.seconds.items(), rows, bottom, scale)


def _moments(
    seconds: Iterable[tuple[str, float]], rows: float, bottom: float, scale: float
) -> Iterator[str]:
    """Mark what is true of the whole cluster, the latest uppermost: no word crosses a line."""
    latest_first = sorted(seconds, key=lambda moment: -moment[1])
    for number, (name, at) in enumerate(latest_first):
        x = LEFT + at * scale
        y = rows - HEAD + TITLE + LINE * number
        yield f'<path class="moment" d="M{x:.1f} {y}V{bottom}"/>'
        yield (
            f'<text class="faint" x="{x - 5:.1f}" y="{y + 10}" text-anchor="end">'
            f"{escape(name)} {at:.1f} s</text>"
        )
