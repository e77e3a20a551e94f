"""Panels of the test error: final (solid) and minimum over time (dashed) against N and N/N*, and its course in time.

The shade between the solid and the dashed line is the gain from early stopping. Each P has a colour and a marker.
Legends are above the panels. A network whose output is 0 counts as wrong on half of the patterns.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from .style import GREY, empty_panel, log_ticks, note
from .table import FigureError, Table

TEST_ERROR = "test error"
LOAD_COLOURS = LinearSegmentedColormap.from_list("load", ["#e8912d", "#c2255c", "#2b2a86"])
"""Colours from few patterns to many."""
SIZE_COLOURS = LinearSegmentedColormap.from_list("size", ["#3b7dd8", "#7a4fb5", "#d1335b", "#1f8f3a"])
"""Colours from small networks to large ones."""
LOAD_MARKERS = "os^Dv"
SIZE_LINES = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (1, 1)))
"""Styles of lines, so that sizes can be told apart without colour."""

NOTE_ROW = 0.1
"""Room for a remark below the curves, as a fraction of the panel."""
SMALLEST_ERROR = 1e-3
"""Errors below this are drawn at this value."""
LEARNED = 0.25
"""The axis ends at half the error of random guessing. Networks with larger errors lie above the panel, since a longer
axis would flatten the cusp."""


def draw_evolution(axes: Axes, table: Table) -> None:
    """Draw [S] Fig. 4A: test error against the step for networks below, at and above the transition.

    A curve ends in a dot if all of its networks reached 𝓛 = 0 and stopped.
    """
    groups = sorted(table.groups().values(), key=lambda group: group.attribute("n_weights"))
    end, drawn = 1.0, []
    colours = _colours(SIZE_COLOURS, len(groups))
    for group, colour, line in zip(groups, colours, itertools.cycle(SIZE_LINES), strict=False):
        step, error, spread = group.columns("step", "test_error", "standard_error")
        _check(group, "test_error", error, (error >= 0) & (error <= 1))
        _check(group, "step", step, step >= 1)
        axes.plot(step, error, color=colour, ls=line, label=_size_label(group), zorder=3)
        axes.fill_between(step, error - spread, error + spread, color=colour, alpha=0.2, lw=0, zorder=2)
        if group.attribute("stopped"):
            axes.plot(step[-1], error[-1], ls="none", marker="o", ms=4, color=colour, zorder=4)
        end = max(end, step[-1])
        drawn.append(error)
    axes.set(xscale="log", xlim=(1, 1.5 * max(end, 2)), xlabel="step", ylabel=TEST_ERROR)
    log_ticks(axes.xaxis, 1, 1.5 * max(end, 2))
    handles = axes.get_legend_handles_labels()[0]
    if any(group.attribute("stopped") for group in groups):
        dot = {"ls": "none", "marker": "o", "ms": 4, "color": GREY}
        handles.append(Line2D([], [], label=r"stopped at $\mathcal{L}=0$", **dot))
    _limit(axes, np.concatenate(drawn))
    _legend_above(axes, handles)
    axes.set_title(f"$L={table.attribute('depth')}$, $P={table.attribute('n_train')}$", pad=3)


def draw_errors(axes: Axes, table: Table) -> None:
    """Draw [S] Fig. 4B: final and minimum test error against N, one colour for each P. N*(P) is a dotted line."""
    groups = _by_patterns(table)
    known = any(np.isfinite(group.attribute("n_star")) for group, _ in groups)
    _dress(axes, groups, [1.0] * len(groups), "$N$", "" if known else "no transition found")
    for group, style in groups:
        _draw_curves(axes, group, style, 1.0)
        if np.isfinite(group.attribute("n_star")):
            axes.axvline(group.attribute("n_star"), color=style["color"], zorder=1, **_DOTTED)
    _legend(axes, groups, [Line2D([], [], color=GREY, label="$N^*(P)$", **_DOTTED)] * known)
    axes.set_title(f"$L={table.attribute('depth')}$", pad=3)


def draw_rescaled(axes: Axes, table: Table) -> None:
    """Draw [S] Fig. 4C: final and minimum test error against N/N*(P). The transition lies in the grey band.

    The band is the largest distance, over all P, from N* to the next smaller network. A P without a transition among
    its widths is left out, and a remark names it.
    """
    every = _by_patterns(table)
    groups = [(group, style) for group, style in every if np.isfinite(group.attribute("n_star"))]
    axes.set_title(f"$L={table.attribute('depth')}$", pad=3)
    axes.set(xlabel="$N/N^*$", ylabel=TEST_ERROR)
    if not groups:
        empty_panel(axes, "no transition found\namong these widths")
        return
    scales = [float(group.attribute("n_star")) for group, _ in groups]
    missing = [f"${group.attribute('n_train')}$" for group, _ in every if np.isnan(group.attribute("n_star"))]
    remark = f"no transition found: $P=$ {', '.join(missing)}" if missing else ""
    _dress(axes, groups, scales, "$N/N^*$", remark)
    for (group, style), scale in zip(groups, scales, strict=True):
        _draw_curves(axes, group, style, scale)
    lowest = min(float(group.attribute("n_below")) / scale for (group, _), scale in zip(groups, scales, strict=True))
    axes.axvspan(lowest, 1, NOTE_ROW * bool(remark), 1, color="0.92", lw=0, zorder=0)
    axes.axvline(1, NOTE_ROW * bool(remark), 1, color="black", lw=0.7, zorder=1)
    _legend(axes, groups, [Patch(color="0.92", label="around $N^*$")])


_DOTTED = {"lw": 0.8, "ls": (0, (1, 1.6))}
_DASHES = (0, (4, 2))


def _by_patterns(table: Table) -> list[tuple[Table, dict]]:
    """The groups in increasing P with their colours and markers. Raises FigureError for impossible values."""
    groups = sorted(table.groups().values(), key=lambda group: group.attribute("n_train"))
    for group in groups:
        n_weights, *values = group.columns("n_weights", "final", "minimum", "final_error", "minimum_error")
        _check(group, "n_weights", n_weights, n_weights > 0)
        for name, column in zip(("final", "minimum"), values, strict=False):
            _check(group, name, column, (column >= 0) & (column <= 1))
        n_star, n_below = (np.atleast_1d(group.attribute(name)) for name in ("n_star", "n_below"))
        _check(group, "n_star", n_star, np.isnan(n_star) | (n_star > 0))
        _check(group, "n_below", n_below, np.isnan(n_star) | ((n_below > 0) & (n_below < n_star)))
    looks = zip(groups, _colours(LOAD_COLOURS, len(groups)), itertools.cycle(LOAD_MARKERS), strict=False)
    return [(group, {"color": colour, "marker": marker}) for group, colour, marker in looks]


def _draw_curves(axes: Axes, group: Table, style: dict, scale: float) -> None:
    """Draw the final (solid) and minimum (dashed) error with bars of one standard error, against N/`scale`."""
    drawn = {}
    for name, line in (("final", style), ("minimum", {"color": style["color"], "ls": _DASHES})):
        n_weights, mean, error = group.columns("n_weights", name, f"{name}_error")
        axes.plot(n_weights / scale, mean, zorder=3, **line)
        axes.errorbar(n_weights / scale, mean, error, fmt="none", ecolor=style["color"], elinewidth=0.6, zorder=2)
        drawn[name] = mean
    axes.fill_between(n_weights / scale, drawn["minimum"], drawn["final"], color=style["color"], alpha=0.15, lw=0)


def _dress(axes: Axes, groups: Sequence[tuple[Table, dict]], scales: Sequence[float], label: str, remark: str) -> None:
    """Set axes that include all networks that have learned something, and write a remark below the curves."""
    sizes, values = [], []
    for (group, _), scale in zip(groups, scales, strict=True):
        n_weights, final, minimum = group.columns("n_weights", "final", "minimum")
        learned = minimum <= LEARNED
        # If no network has learned anything, all are shown.
        learned |= not learned.any()
        sizes.append(n_weights[learned] / scale)
        values += [final[learned], minimum[learned]]
    low, high = np.concatenate(sizes).min() / 1.3, np.concatenate(sizes).max() * 1.3
    axes.set(xscale="log", xlim=(low, high), xlabel=label, ylabel=TEST_ERROR)
    log_ticks(axes.xaxis, low, high)
    if remark:
        note(axes, remark, 0.04, 0.03)
    _limit(axes, np.concatenate(values), below=NOTE_ROW * bool(remark))


def _limit(axes: Axes, values: np.ndarray, below: float = 0.0) -> None:
    """Set a logarithmic axis of the test error that includes all values. The part `below` of its height stays free."""
    exponents = np.log10(np.clip(values, SMALLEST_ERROR, 1))
    low, high = exponents.min() - 0.05, exponents.max() + 0.05
    axes.set_yscale("log")
    axes.set_ylim(10 ** (low - below / (1 - below) * (high - low)), 10**high)
    axes.yaxis.set_major_locator(FixedLocator(_ticks(10**low, 10**high)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _ticks(low: float, high: float) -> list[float]:
    """The values with labels: 1, 2 and 5 in each decade, or all digits within less than a decade."""
    digits = (1, 2, 5) if high / low > 10 else range(1, 10)
    return [round(digit * 10.0**power, 9) for power in range(-3, 1) for digit in digits]


def _legend(axes: Axes, groups: Sequence[tuple[Table, dict]], more: Sequence[Artist] = ()) -> None:
    """Draw the legend above the panel: the values of P, solid and dashed lines, and the entries in `more`."""
    styles = [
        Line2D([], [], color=GREY, label="end of training"),
        Line2D([], [], color=GREY, ls=_DASHES, label="minimum over time"),
    ]
    loads = [Line2D([], [], label=f"$P={group.attribute('n_train')}$", **style) for group, style in groups]
    _legend_above(axes, [*styles, *more, *loads])


def _legend_above(axes: Axes, handles: Sequence[Artist]) -> None:
    """Draw a legend in two columns above the panel and its title, where it cannot hide a curve."""
    axes.legend(handles=handles, ncols=2, columnspacing=1.0, loc="lower center", bbox_to_anchor=(0.5, 1.1))


def _size_label(group: Table) -> str:
    ratio, n_weights = group.attribute("ratio"), group.attribute("n_weights")
    return f"$N/N^*={ratio:.2g}$" if np.isfinite(ratio) else f"$N={n_weights}$"


def _colours(colours: LinearSegmentedColormap, number: int) -> list[tuple]:
    return [colours(place) for place in (np.linspace(0, 1, number) if number > 1 else [1.0])]


def _check(group: Table, name: str, values: np.ndarray, sensible: np.ndarray) -> None:
    """Raise FigureError for the first value that is not `sensible`; nan never is."""
    if not np.all(sensible):
        raise FigureError(
            f"figure '{group.figure}': '{group.place}/{name}' holds {values[~sensible][0]:g}, which no training gives; "
            "delete the table and run the workflow again."
        )
