"""Panels of the distributions of overlaps and gaps, with the fitted power laws."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .style import (
    DEPTH_COLOURS,
    DEPTH_MARKERS,
    count_runs,
    depth_label,
    log_ticks,
    no_run_near_jamming,
    note,
    scientific,
)
from .table import Table, runs_in, unit_of


def draw_distribution(axes: Axes, groups: Mapping[str, Table], side: str) -> None:
    """Draw P_+ (`side` = "positive") or P_− ("negative"), log-log, with the fitted law over the range of the fit."""
    shown = {name: group for name, group in groups.items() if group.attribute("n_runs") > 0}
    if not shown:
        no_run_near_jamming(axes, max(float(group.attribute("max_loss")) for group in groups.values()))
        return
    labels = {
        "positive": (rf"$z=\Delta/{unit_of(shown.values())}$", r"$P_+(z)$"),
        "negative": (r"$|\Delta|$ for $\Delta<0$", r"$P_-(\Delta)$"),
    }
    axes.set(xscale="log", yscale="log", xlabel=labels[side][0], ylabel=labels[side][1])
    for name, group in shown.items():
        centre, density, error = group.columns("centre", "density", "error")
        # On a logarithmic axis an error bar cannot reach 0. It ends at a tenth of the value at the lowest.
        below = np.minimum(error, 0.9 * density)
        axes.errorbar(
            centre,
            density,
            yerr=[below, error],
            fmt=DEPTH_MARKERS[name],
            color=DEPTH_COLOURS[name],
            elinewidth=0.5,
            label=f"{depth_label(name)}: {exponent_label(group, side)}",
        )
        _draw_guide_line(axes, group, DEPTH_COLOURS[name])
    first = next(iter(shown.values()))
    low, high = float(first.attribute("range_low")), float(first.attribute("range_high"))
    axes.axvspan(low, high, color="0.95", lw=0, zorder=0)
    log_ticks(axes.xaxis, *axes.get_xlim(), most=5)
    axes.set_ylim(_height(axes, shown))
    log_ticks(axes.yaxis, *axes.get_ylim(), most=5)
    axes.legend(loc="lower left")


def exponent_label(group: Table, side: str) -> str:
    """The exponent with its error over runs: θ for overlaps, γ = −exponent for gaps."""
    symbol, sign = (r"$\theta$", 1) if side == "positive" else (r"$\gamma$", -1)
    exponent, error = sign * float(group.attribute("exponent")), float(group.attribute("exponent_error"))
    if not np.isfinite(exponent):
        return f"{symbol}: too few values"
    if not np.isfinite(error):
        return f"{symbol} $= {exponent:.2f}$ (one run)"
    return f"{symbol} $= {exponent:.2f} \\pm {error:.2f}$"


def _height(axes: Axes, groups: Mapping[str, Table]) -> tuple[float, float]:
    """The limits of the density axis. They follow from the densities without errors; the legend has room below left."""
    columns = [group.columns("centre", "density") for group in groups.values()]
    lines = [line.get_data() for line in axes.lines if line.get_linestyle() == "--"]
    centre, density = (np.concatenate(parts) for parts in zip(*columns, *lines, strict=True))
    high = density.max() * 2.5
    over_legend = density[centre <= np.sqrt(centre.min() * centre.max())].min() / 1.3
    room = 0.1 + 0.08 * len(groups)
    return min(density.min() / 2, (over_legend / high**room) ** (1 / (1 - room))), high


def _draw_guide_line(axes: Axes, group: Table, colour: str) -> None:
    """Draw the fitted power law over its range, normalised to the fraction of the values in the range."""
    exponent = float(group.attribute("exponent"))
    if not np.isfinite(exponent):
        return
    ends = np.array([group.attribute("range_low"), group.attribute("range_high")], float)
    integral = np.log(ends[1] / ends[0]) if exponent == -1 else np.diff(ends ** (exponent + 1))[0] / (exponent + 1)
    axes.plot(ends, group.attribute("fraction_in_range") / integral * ends**exponent, color=colour, lw=0.9, ls="--")


def note_runs(axes: Axes, groups: Mapping[str, Table]) -> None:
    """Write the number of runs behind the panel, and the bound on their 𝓛."""
    n_runs = runs_in(list(groups.values()))
    if n_runs:
        max_loss = max(float(group.attribute("max_loss")) for group in groups.values())
        note(axes, f"{count_runs(n_runs)}, $\\mathcal{{L}} <$ {scientific(max_loss)}", 0.97, 0.96)
