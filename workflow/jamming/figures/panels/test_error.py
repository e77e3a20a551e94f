"""Panels of the test error: final (solid) and minimum over time (dashed), against N and N/N*; its course in time.

A network whose output is 0 counts as wrong on half of the patterns.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from .style import GREY, empty_panel, log_ticks, note
from .table import FigureError, Table

TEST_ERROR = "test error"
LOAD_COLOURS = LinearSegmentedColormap.from_list("load", ["#e8912d", "#c2255c", "#2b2a86"])
"""From few patterns to many."""
SIZE_COLOURS = LinearSegmentedColormap.from_list("size", ["#3b7dd8", "#7a4fb5", "#d1335b", "#1f8f3a"])
"""From small networks to large ones."""

LEGEND_ROW = 0.075
"""Height of a legend's row, in parts of the panel."""
NOTE_ROW = 0.1
"""Room for a remark below the curves."""
SMALLEST_ERROR = 1e-3
"""Errors below this are drawn there."""


def draw_evolution(axes: Axes, table: Table) -> None:
    """[S] Fig. 4A: test error against the step for networks below, at and above the transition.

    A curve that ends in a dot is that of networks that reached 𝓛 = 0, all of them, and stopped.
    """
    groups = sorted(table.groups().values(), key=lambda group: group.attribute("n_weights"))
    end, highest = 1.0, []
    for group, colour in zip(groups, _colours(SIZE_COLOURS, len(groups)), strict=True):
        step, error, spread = group.columns("step", "test_error", "standard_error")
        _check(group, "test_error", error, (error >= 0) & (error <= 1))
        _check(group, "step", step, step >= 1)
        axes.plot(step, error, color=colour, label=_size_label(group), zorder=3)
        axes.fill_between(step, error - spread, error + spread, color=colour, alpha=0.2, lw=0, zorder=2)
        if group.attribute("stopped"):
            axes.plot(step[-1], error[-1], ls="none", marker="o", ms=4, color=colour, zorder=4)
        end = max(end, step[-1])
        highest.append(error)
    axes.set(xscale="log", xlim=(1, 1.5 * max(end, 2)), xlabel="step", ylabel=TEST_ERROR)
    log_ticks(axes.xaxis, 1, 1.5 * max(end, 2))
    handles = axes.get_legend_handles_labels()[0]
    if any(group.attribute("stopped") for group in groups):
        dot = {"ls": "none", "marker": "o", "ms": 4, "color": GREY}
        handles.append(Line2D([], [], label=r"stopped at $\mathcal{L}=0$", **dot))
    _limit(axes, np.concatenate(highest), rows=len(handles))
    axes.legend(handles=handles, loc="upper right")
    axes.set_title(f"$L={table.attribute('depth')}$, $P={table.attribute('n_train')}$", pad=3)


def draw_errors(axes: Axes, table: Table) -> None:
    """[S] Fig. 4B: final and minimum test error against N, one colour for each P; N*(P) is a dotted line."""
    groups = _by_patterns(table)
    known = any(np.isfinite(group.attribute("n_star")) for group, _ in groups)
    foot = _dress(axes, groups, [1.0] * len(groups), "$N$", "" if known else "no transition found")
    for group, colour in groups:
        _draw_curves(axes, group, colour, 1.0)
        if np.isfinite(group.attribute("n_star")):
            axes.axvline(group.attribute("n_star"), ymax=foot, color=colour, zorder=1, **_DOTTED)
    _legends(axes, groups, [Line2D([], [], color=GREY, label="$N^*(P)$", **_DOTTED)] * known)
    axes.set_title(f"$L={table.attribute('depth')}$", pad=3)


def draw_rescaled(axes: Axes, table: Table) -> None:
    """[S] Fig. 4C: the same against N/N*(P). The grey band is the spacing of the widths below N*, the widest of all P.

    A P without a transition among its widths is left out and named.
    """
    every = _by_patterns(table)
    groups = [(group, colour) for group, colour in every if np.isfinite(group.attribute("n_star"))]
    axes.set_title(f"$L={table.attribute('depth')}$", pad=3)
    axes.set(xlabel="$N/N^*$", ylabel=TEST_ERROR)
    if not groups:
        empty_panel(axes, "no transition found\namong these widths")
        return
    scales = [float(group.attribute("n_star")) for group, _ in groups]
    missing = [f"${group.attribute('n_train')}$" for group, _ in every if np.isnan(group.attribute("n_star"))]
    remark = f"no transition found: $P=$ {', '.join(missing)}" if missing else ""
    foot = _dress(axes, groups, scales, "$N/N^*$", remark)
    for (group, colour), scale in zip(groups, scales, strict=True):
        _draw_curves(axes, group, colour, scale)
    lowest = min(float(group.attribute("n_below")) / scale for (group, _), scale in zip(groups, scales, strict=True))
    axes.axvspan(lowest, 1, NOTE_ROW * bool(remark), foot, color="0.92", lw=0, zorder=0)
    axes.axvline(1, NOTE_ROW * bool(remark), foot, color="black", lw=0.7, zorder=1)
    _legends(axes, groups)


_DOTTED = {"lw": 0.8, "ls": (0, (1, 1.6))}


def _by_patterns(table: Table) -> list[tuple[Table, tuple]]:
    """The groups in increasing P, each with its colour. Raises FigureError for values that no run can have."""
    groups = sorted(table.groups().values(), key=lambda group: group.attribute("n_train"))
    for group in groups:
        n_weights, *values = group.columns("n_weights", "final", "minimum", "final_error", "minimum_error")
        _check(group, "n_weights", n_weights, n_weights > 0)
        for name, column in zip(("final", "minimum"), values, strict=False):
            _check(group, name, column, (column >= 0) & (column <= 1))
        n_star, n_below = (np.atleast_1d(group.attribute(name)) for name in ("n_star", "n_below"))
        _check(group, "n_star", n_star, np.isnan(n_star) | (n_star > 0))
        _check(group, "n_below", n_below, np.isnan(n_star) | ((n_below > 0) & (n_below < n_star)))
    return list(zip(groups, _colours(LOAD_COLOURS, len(groups)), strict=True))


def _draw_curves(axes: Axes, group: Table, colour: tuple, scale: float) -> None:
    """Final (solid) and minimum (dashed) with a band of one standard error, against N/`scale`."""
    for name, style in (("final", {"marker": "o"}), ("minimum", {"ls": (0, (4, 2))})):
        n_weights, mean, error = group.columns("n_weights", name, f"{name}_error")
        axes.plot(n_weights / scale, mean, color=colour, zorder=3, **style)
        axes.fill_between(n_weights / scale, mean - error, mean + error, color=colour, alpha=0.2, lw=0, zorder=2)


def _dress(
    axes: Axes, groups: Sequence[tuple[Table, tuple]], scales: Sequence[float], label: str, remark: str
) -> float:
    """Axes with all points inside, the legends above and a remark below them.

    Returns the foot of the legends in parts of the panel.
    """
    sizes = [group.columns("n_weights")[0] / scale for (group, _), scale in zip(groups, scales, strict=True)]
    low, high = np.concatenate(sizes).min() / 1.3, np.concatenate(sizes).max() * 1.3
    axes.set(xscale="log", xlim=(low, high), xlabel=label, ylabel=TEST_ERROR)
    log_ticks(axes.xaxis, low, high)
    if remark:
        note(axes, remark, 0.04, 0.03)
    values = []
    for group, _ in groups:
        for name in ("final", "minimum"):
            mean, error = group.columns(name, f"{name}_error")
            values += [mean - np.nan_to_num(error), mean + np.nan_to_num(error)]
    return _limit(axes, np.concatenate(values), rows=max(3, len(groups)), below=NOTE_ROW * bool(remark))


def _limit(axes: Axes, values: np.ndarray, rows: int, below: float = 0.0) -> float:
    """A logarithmic axis of the test error, on which the cusp shows beside the smallest networks' errors.

    There is room above for a legend of `rows` rows, and `below`. Returns the foot of the legend in parts of the panel.
    """
    exponents = np.log10(np.clip(values, SMALLEST_ERROR, 1))
    low, high = exponents.min() - 0.05, exponents.max() + 0.05
    foot = 1 - LEGEND_ROW * (rows + 0.5)
    height = (high - low) / (foot - below)
    axes.set_yscale("log")
    axes.set_ylim(10 ** (low - below * height), 10 ** (low + (1 - below) * height))
    axes.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    return foot


def _legends(axes: Axes, groups: Sequence[tuple[Table, tuple]], more: Sequence[Line2D] = ()) -> None:
    """The values of P at the right, what solid and dashed lines are at the left."""
    styles = [
        Line2D([], [], color=GREY, marker="o", label="end of training"),
        Line2D([], [], color=GREY, ls=(0, (4, 2)), label="minimum over time"),
    ]
    axes.add_artist(axes.legend(handles=[*styles, *more], loc="upper left"))
    loads = [Line2D([], [], color=colour, label=f"$P={group.attribute('n_train')}$") for group, colour in groups]
    axes.legend(handles=loads, loc="upper right")


def _size_label(group: Table) -> str:
    ratio, n_weights = group.attribute("ratio"), group.attribute("n_weights")
    return f"$N/N^*={ratio:.2g}$" if np.isfinite(ratio) else f"$N={n_weights}$"


def _colours(colours: LinearSegmentedColormap, number: int) -> list[tuple]:
    return [colours(place) for place in (np.linspace(0, 1, number) if number > 1 else [1.0])]


def _check(group: Table, name: str, values: np.ndarray, sensible: np.ndarray) -> None:
    """Refuse the first value that is not `sensible`, nan among them."""
    if not np.all(sensible):
        raise FigureError(
            f"figure '{group.figure}': '{group.place}/{name}' holds {values[~sensible][0]:g}, which no training gives; "
            "delete the table and run the workflow again."
        )
