"""Pipelines and runs as SVG for notebooks: no script, no address, no style sheet, drawn in the text's own colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from flows.show.gantt import GanttRow, bars
from flows.show.icons import ICONS
from flows.show.outline import Drawn
from flows.show.scene import scene
from flows.show.states import StepState, state

_SMALL, _ROW, _LABEL, _CHART = 11.8, 26, 190, 420
_FADED = {"green": 0.75, "blue": 0.5, "red": 1.0, "orange": 0.4, "gray": 0.25}
FONT = "font-family:system-ui,sans-serif"


def graph_svg(spec: Drawn, states: Mapping[str, StepState] | None = None) -> str:
    """The graph of a spec or draft; with `states` also how each step stands. Every text in it is escaped."""
    drawn = scene(spec, states)
    parts = [f'<path d="{edge["d"]}" fill="none" stroke="currentColor" stroke-opacity=".4"/>' for edge in drawn["edges"]]
    for edge in drawn["edges"]:
        below = next(node for node in drawn["nodes"] if node["id"] == edge["b"])
        parts.append(f'<path d="M{below["x"] + below["w"] / 2:g} {below["y"]:g}l-4 -6h8z" fill="currentColor" fill-opacity=".5"/>')
    parts += [_box(node) for node in drawn["nodes"]]
    return _svg(drawn["width"], drawn["height"], f"Pipeline, {drawn['told']}", parts)


def _box(node: Mapping[str, Any]) -> str:
    dash = ' stroke-dasharray="5 4"' if node["draft"] else ""
    found = node["state"]
    parts = [f'<title>{escape(node["title"])}</title>',
             f'<rect width="{node["w"]}" height="{node["h"]}" rx="10" fill="currentColor" fill-opacity=".04" stroke="currentColor" '
             f'stroke-opacity="{".9" if found and found["colour"] == "red" else ".35"}"{dash}/>',
             _icon(node["icon"], 14, 14, 22), _text(46, 23, _cut(node["label"], 22), 13, "600"),
             _text(46, 40, _cut(node["sub"], 26 - len(found["took"]) if found and found["took"] else 27))]
    if found:
        parts += [_text(node["w"] - 11, 40, found["took"], anchor="end")] if found["took"] else []
        parts += [_icon(found["icon"], 14, node["h"] - 23, 14), _text(33, node["h"] - 11, found["word"], weight="600"),
                  _text(node["w"] - 11, node["h"] - 11, _cut(found["note"], 22), anchor="end")]
        parts += [_text(node["w"] - 11, 14, " · ".join(flag["text"] for flag in found["flags"]), 10.5, anchor="end")]
    return f'<g transform="translate({node["x"]:g} {node["y"]:g})">{"".join(parts)}</g>'


def gantt_svg(rows: Sequence[GanttRow], *, now: float | None = None) -> str:
    """The steps of a run as bars over their time; what is not over ends at `now` (seconds since the start)."""
    chart = bars(rows, now=now)
    scale, high = _CHART / chart["end"], _ROW * len(rows)
    parts = []
    for tick in chart["ticks"]:
        x = _LABEL + tick["at"] * scale
        parts.append(f'<path d="M{x:g} 0V{high}" stroke="currentColor" stroke-opacity=".15"/>')
        parts.append(_text(x, high + 14, tick["text"], 10.5, anchor="middle"))
    parts.append(_text(_LABEL, high + 30, chart["unit"], 10.5))
    for n, (row, given) in enumerate(zip(chart["rows"], rows, strict=True)):
        y = n * _ROW
        parts += [f'<g><title>{escape(row["aria"])}</title>', _icon(row["icon"], 2, y + 6, 14), _text(22, y + 17, _cut(row["label"], 25))]
        end = float(_LABEL)
        for bar in row["bars"]:
            x, width = _LABEL + bar["start"] * scale, max(3.0, (bar["stop"] - bar["start"]) * scale)
            parts.append(f'<rect x="{x:.1f}" y="{y + 6}" width="{width:.1f}" height="14" rx="3" fill="currentColor" '
                         f'fill-opacity="{_FADED[row["colour"]]}"/>')
            end = x + width
        text = " · ".join(filter(None, (row["text"] or state(given.status, of="step").word, row["progress"], row["tries"])))
        parts.append(_text(min(end + 6, _LABEL + _CHART + 8), y + 17, text) + "</g>")
    return _svg(_LABEL + _CHART + 150, high + 36, chart["told"], parts)


def _svg(width: float, height: float, told: str, parts: Sequence[str]) -> str:
    return (f'<svg role="img" aria-label="{escape(told)}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
            f'style="max-width:100%;height:auto;{FONT}">{"".join(parts)}</svg>')


def _text(x: float, y: float, text: str, size: float = _SMALL, weight: str = "400", anchor: str = "start") -> str:
    return (f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" font-weight="{weight}" text-anchor="{anchor}" fill="currentColor">'
            f"{escape(text)}</text>")


def _icon(name: str, x: float, y: float, size: float) -> str:
    return (f'<path transform="translate({x:g} {y:g}) scale({size / 24:.4g})" d="{ICONS.get(name, ICONS["help"])}" fill="none" '
            f'stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>')


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
