"""Draws dashboards from their own queries for the documentation, without Grafana.

python tools/draw_dashboards.py http://127.0.0.1:9090 docs
"""

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import requests
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, PercentFormatter

DASHBOARDS = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "dashboards"

DRAWN = ("overview", "job")

COLUMNS = 24
INCHES_PER_CELL = (0.62, 0.36)

WINDOW_SECONDS, STEP_SECONDS = 600, 5

UNITS = {"s": "s", "bytes": "B", "reqps": "", "short": "", "none": "", "sci": ""}

STYLE: Any = {
    "figure.facecolor": "#111217",
    "axes.facecolor": "#181b1f",
    "axes.edgecolor": "#2c3235",
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "grid.color": "#2c3235",
    "text.color": "#d8d9da",
    "axes.labelcolor": "#9fa7b3",
    "xtick.color": "#9fa7b3",
    "ytick.color": "#9fa7b3",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
}


class Source:
    """Prometheus server, queried in the same way as by Grafana."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.at = time.time()
        """End of all curves."""
        self._worker = ""
        series = self.now("topk(1, nst_running_step) or nst_worker_last_turn_timestamp_seconds")
        self._worker = series[0]["metric"]["worker"]

    def now(self, expression: str) -> list[dict[str, Any]]:
        return self._ask("query", expression, {})

    def lately(self, expression: str) -> list[dict[str, Any]]:
        window = {"start": self.at - WINDOW_SECONDS, "end": self.at, "step": STEP_SECONDS}
        return self._ask("query_range", expression, window)

    def named(self, text: str) -> str:
        """Return the text with the worker in place of the dashboard's variable."""
        return text.replace("$worker", self._worker)

    def _ask(self, what: str, expression: str, window: Mapping[str, float]) -> list[dict[str, Any]]:
        query = self.named(expression.replace("$__rate_interval", "1m"))
        asked: dict[str, str | float] = {"query": query, **window}
        answer = requests.get(f"{self._address}/api/v1/{what}", params=asked, timeout=30)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


def draw(name: str, source: Source, file: Path) -> None:
    """Draw one dashboard as a PNG."""
    panels = json.loads((DASHBOARDS / f"{name}.json").read_text())["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    across, down = INCHES_PER_CELL
    figure = plt.figure(figsize=(COLUMNS * across, rows * down), dpi=80)
    for panel in panels:
        if panel["type"] == "row":
            top = 1 - (panel["gridPos"]["y"] + 0.8) / rows
            figure.text(0.005, top, source.named(panel["title"]), weight="bold", size=11)
        else:
            axes = figure.add_axes(box(panel, rows))
            DRAW[panel["type"]](axes, panel, source)
    figure.savefig(file, facecolor=figure.get_facecolor())
    plt.close(figure)


def box(panel: Mapping[str, Any], rows: int) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of a panel in shares of the figure.
    They leave room for the title and the numbers."""
    at = panel["gridPos"]
    left, below = {"stat": (0.1, 0.35), "timeseries": (0.9, 1.4)}[panel["type"]]
    return (
        (at.get("x", 0) + left) / COLUMNS,
        1 - (at["y"] + at["h"] - below) / rows,
        (at["w"] - left - 0.25) / COLUMNS,
        (at["h"] - below - 1.0) / rows,
    )


def draw_number(axes: Axes, panel: Mapping[str, Any], source: Source) -> None:
    """Draw the latest value in green, or in red from the limit on."""
    axes.set_title(panel["title"])
    axes.set_xticks([])
    axes.set_yticks([])
    series = source.now(panel["targets"][0]["expr"])
    value = float(series[0]["value"][1]) if series else math.nan
    defaults = panel["fieldConfig"]["defaults"]
    limits = [step["value"] for step in defaults["thresholds"]["steps"][1:]]
    color = "#f2495c" if limits and value >= limits[0] else "#73bf69"
    axes.text(
        0.5, 0.45, said(value, defaults["unit"]), ha="center", va="center", size=20, color=color
    )


def said(value: float, unit: str) -> str:
    """Return the value as a short text with its unit."""
    if math.isnan(value):
        return "–"
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "sci":
        return f"{value:.2e}"
    if unit == "none":
        return f"{value:g}"
    return str(EngFormatter(unit=UNITS[unit], places=1)(value))


def draw_lines(axes: Axes, panel: Mapping[str, Any], source: Source) -> None:
    """Draw curves over minutes, with room for the legend at the top."""
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults.get("custom", {})
    curves = [
        (*points(series["values"], source.at), named(target["legendFormat"], series["metric"]))
        for target in panel["targets"]
        for series in source.lately(target["expr"])
    ]
    if custom.get("stacking", {}).get("mode") == "normal":
        stack(axes, curves)
    else:
        for minutes, values, label in curves:
            axes.plot(minutes, values, label=label, linewidth=1.2)
    axes.set_title(panel["title"])
    axes.grid(visible=True, linewidth=0.5)
    axes.set_xlim(-WINDOW_SECONDS / 60, 0)
    axes.xaxis.set_major_formatter("{x:g} min")
    axes.margins(y=0.3)
    if custom.get("scaleDistribution", {}).get("type") == "log":
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
        if defaults["unit"] == "percentunit":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        elif unit := UNITS.get(defaults["unit"]):
            axes.yaxis.set_major_formatter(EngFormatter(unit))
    if curves:
        axes.legend(loc="upper left", ncols=3)


def points(values: Sequence[Sequence[Any]], end: float) -> tuple[list[float], list[float]]:
    """Return minutes relative to the end, and values.
    NaN separates points if values are missing between them."""
    minutes, heights = list[float](), list[float]()
    for at, value in values:
        minute = (float(at) - end) / 60
        if minutes and minute - minutes[-1] > 2 * STEP_SECONDS / 60:
            minutes.append(minute)
            heights.append(math.nan)
        minutes.append(minute)
        heights.append(float(value))
    return minutes, heights


def stack(axes: Axes, curves: Sequence[tuple[Sequence[float], Sequence[float], str]]) -> None:
    times = sorted({at for minutes, _, _ in curves for at in minutes})
    heights = [
        [dict(zip(minutes, values, strict=True)).get(at, 0.0) for at in times]
        for minutes, values, _ in curves
    ]
    if heights:
        axes.stackplot(times, heights, labels=[label for *_, label in curves], alpha=0.7)


def named(template: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return template


DRAW = {"stat": draw_number, "timeseries": draw_lines}


def main(address: str, directory: Path) -> None:
    mpl.use("Agg")
    plt.style.use("dark_background")
    mpl.rcParams.update(STYLE)
    source = Source(address)
    for name in DRAWN:
        file = directory / f"dashboard-{name}.png"
        draw(name, source, file)
        print(file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
