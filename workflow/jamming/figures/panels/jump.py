"""Panels of the jump: N_Δ/N against P/N and 𝓛, misclassified patterns against 𝓛."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ...criteria import FITS, JAMMED, UNFITTED_FRACTION, fits
from .style import DEPTH_COLOURS, DEPTH_MARKERS, GREY, TIME_COLOURS, LossAxis, depth_label, tick_label
from .table import Table

CONSTRAINTS = r"$N_\Delta/N$"
LOAD = r"$P/N$"


def loss_axis(groups: Mapping[str, Table]) -> LossAxis:
    """An axis of 𝓛 that has room for the final states of all groups."""
    state = np.concatenate([_states(group)[1] for group in groups.values()])
    return LossAxis(np.concatenate([group.columns("loss")[0] for group in groups.values()]), state == FITS)


def draw_evolution(axes: Axes, groups: Mapping[str, Table]) -> None:
    """N_Δ/N against P/N, each run at several times, from green (early) to blue (late); one marker for each depth."""
    parts = {name: group.columns("step", "p_over_n", "n_delta_over_n") for name, group in groups.items()}
    steps = np.concatenate([columns[0] for columns in parts.values()])
    norm = LogNorm(max(1, steps.min()), max(steps.max(), 2 * max(1, steps.min())))
    for name, (step, p_over_n, n_delta_over_n) in parts.items():
        late_last = np.argsort(step, kind="stable")
        axes.scatter(
            p_over_n[late_last],
            n_delta_over_n[late_last],
            c=step[late_last],
            cmap=TIME_COLOURS,
            norm=norm,
            s=7,
            lw=0,
            marker=DEPTH_MARKERS[name],
        )
        axes.plot([], [], ls="none", color="0.3", marker=DEPTH_MARKERS[name], label=depth_label(name))
    axes.set(xlabel=LOAD, ylabel=CONSTRAINTS)
    # Room for the legend and the colour bar above the points.
    axes.set_ylim(-0.05 * axes.get_ylim()[1], 1.2 * axes.get_ylim()[1])
    axes.legend(loc="upper left", ncols=len(parts), columnspacing=0.8, handletextpad=0.1)
    _draw_time_bar(axes, norm)


def draw_jump(axes: Axes, groups: Mapping[str, Table], loss: LossAxis, labels: bool = True) -> None:
    """Draw N_Δ/N against 𝓛, one marker per run: full if it fits or is jammed, hollow if it is neither (`criteria`)."""
    _scatter_over_loss(axes, groups, loss, "n_delta_over_n", labels)
    axes.set_ylabel(CONSTRAINTS)
    axes.set_ylim(-0.05 * axes.get_ylim()[1], 1.03 * axes.get_ylim()[1])
    # The rule of the papers for a network that has failed, N_Δ > 0.1 N.
    axes.axhline(UNFITTED_FRACTION, color=GREY, lw=0.5, ls=":", zorder=0)


def draw_load(axes: Axes, groups: Mapping[str, Table], labels: bool = True) -> None:
    """Draw N_Δ/N against P/N at the end of training, one marker per run."""
    for name, group in groups.items():
        p_over_n, n_delta_over_n = group.columns("p_over_n", "n_delta_over_n")
        axes.plot(p_over_n, n_delta_over_n, **_marker(name, labels))
    axes.set(xlabel=LOAD, ylabel=CONSTRAINTS)
    axes.set_ylim(bottom=-0.05 * axes.get_ylim()[1])


def draw_misclassified(axes: Axes, groups: Mapping[str, Table], loss: LossAxis, labels: bool = True) -> None:
    """Draw the number of patterns with y f < 0 against 𝓛, one marker per run."""
    _scatter_over_loss(axes, groups, loss, "misclassified", labels)
    axes.set_ylabel("misclassified patterns")
    axes.set_ylim(-0.05 * max(axes.get_ylim()[1], 1), max(axes.get_ylim()[1], 1))


def draw_window(axes: Axes, groups: Mapping[str, Table], loss: LossAxis, max_loss: float) -> None:
    """Draw the black rectangle around the runs near jamming (`criteria.End.is_near_jamming`), if there are any.

    It spans their 𝓛 without that of dead patterns, which may lie left of where a run is drawn.
    """
    columns = [(*_states(group), *group.columns("n_delta_over_n")) for group in groups.values()]
    values, state, n_delta_over_n = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    inside = (state == JAMMED) & (values < max_loss)
    if not inside.any():
        return
    pad = 0.03 * axes.get_ylim()[1]
    low, high = n_delta_over_n[inside].min() - pad, n_delta_over_n[inside].max() + pad
    left = max(values[inside].min() / 1.5, loss.floor)
    axes.add_patch(Rectangle((left, low), max_loss - left, high - low, fill=False, ec="black", lw=0.9, zorder=4))


def _scatter_over_loss(axes: Axes, groups: Mapping[str, Table], loss: LossAxis, column: str, labels: bool) -> None:
    loss.dress(axes)
    for name, group in groups.items():
        values, height = group.columns("loss", column)
        whole = np.isin(_states(group)[1], (FITS, JAMMED))
        hollow = {**_marker(name, labels and not whole.any()), "markerfacecolor": "none", "markeredgewidth": 0.7}
        for chosen, marker in ((whole, _marker(name, labels)), (~whole, hollow)):
            # A line without points has no extent, which the layout takes for a point at the origin.
            if chosen.any():
                axes.plot(loss.place(values)[chosen], height[chosen], **marker, clip_on=False)


def _states(group: Table) -> tuple[np.ndarray, np.ndarray]:
    """𝓛 of the living patterns (R,) and how each run ended (R,).

    A table that was made before `criteria` told them says neither: what does not fit then counts as jammed.
    """
    if group.has_column("state"):
        _, living_loss, state = group.columns("loss", "living_loss", "state")
        return living_loss, state
    (loss,) = group.columns("loss")
    return loss, np.where(fits(loss, float(group.attribute("margin"))), FITS, JAMMED)


def _marker(name: str, labels: bool) -> dict:
    return {
        "ls": "none",
        "marker": DEPTH_MARKERS[name],
        "color": DEPTH_COLOURS[name],
        "alpha": 0.8,
        "label": depth_label(name) if labels else None,
    }


def _draw_time_bar(axes: Axes, norm: LogNorm) -> None:
    """Draw a small colour bar of the learning time inside the panel."""
    place = axes.inset_axes([0.62, 0.925, 0.34, 0.03])
    place.set_in_layout(False)
    bar = axes.figure.colorbar(ScalarMappable(norm, TIME_COLOURS), cax=place, orientation="horizontal")
    bar.ax.set_ylabel("step", fontsize=7, rotation=0, ha="right", va="center", labelpad=3)
    bar.ax.xaxis.set_major_locator(LogLocator(numticks=4))
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.ax.xaxis.set_major_formatter(FuncFormatter(tick_label))
    bar.ax.tick_params(labelsize=6, size=2, pad=1.5, top=False)
    bar.outline.set_linewidth(0.4)
