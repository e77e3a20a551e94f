"""Panels of the transition lines N*(P). Where no transition was found, an arrow at the bound replaces the point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation, Transform

from .style import DEPTH_COLOURS, DEPTH_MARKERS, log_ticks, scientific
from .table import FigureError, Table

PATTERNS, TRANSITION = "$P$", "$N^*$"
ARROW = 11
"""Length of a bound's arrow in points."""
BESIDE = 1.4
"""Shift in points between lines at the same P. Bars and arrows would hide each other without it."""

LEGEND_ROW, LEGEND_LEFT = 0.07, 0.47
"""Room for legends, as fractions of the panel: the height of a row, and the left end of the lower legend."""

CURVE_COLOURS = LinearSegmentedColormap.from_list("curves", ["#e07b00", "#2f9e44", "#1c3fb4"])
"""[G] Fig. 5(a): short times are orange and green."""

FOUND, LOWER, UPPER = "found", "lower_bound", "upper_bound"


@dataclass(frozen=True)
class Points:
    """The checked columns (K,) of a line, in the order of the table. `status` is one of FOUND, LOWER and UPPER."""

    n_train: np.ndarray
    n_star: np.ndarray
    n_low: np.ndarray
    n_high: np.ndarray
    status: np.ndarray

    @property
    def found(self) -> np.ndarray:
        return self.status == FOUND

    @property
    def diverges_at(self) -> int | None:
        """The index of the first lower bound after the last transition found, or None if there is none."""
        after = max(np.flatnonzero(self.found), default=len(self.status)) + 1
        return after if after < len(self.status) and self.status[after] == LOWER else None


def read_points(group: Table) -> Points:
    """The columns of a line. Raises FigureError for a column that is missing, empty, too short or impossible."""
    n_train, n_star, n_low, n_high, status = group.columns("n_train", "n_star", "n_low", "n_high", "status")
    status = np.array([str(value) for value in status])
    unknown = sorted(set(status) - {FOUND, LOWER, UPPER})
    if unknown:
        raise FigureError(
            f"figure '{group.figure}': column '{group.place}/status' holds '{unknown[0]}', but must be {FOUND}, "
            f"{LOWER} or {UPPER}; delete the table and run the workflow again."
        )
    sensible = (n_train > 0) & (n_star > 0) & np.isfinite(n_star) & (n_low <= n_star) & (n_star <= n_high)
    sensible &= (status != FOUND) | ((n_low > 0) & np.isfinite(n_high))
    if not sensible.all():
        raise FigureError(
            f"figure '{group.figure}': group '{group.place}' has no 0 < n_low ≤ n_star ≤ n_high at "
            f"P = {n_train[~sensible][0]}; delete the table and run the workflow again."
        )
    return Points(n_train, n_star, n_low, n_high, status)


def draw_in_time(axes: Axes, table: Table, bound: Table) -> None:
    """Draw [G] Fig. 5(a) = [S] Fig. B1: N* after several learning times. Lines diverge where no network fits."""
    groups = sorted(table.groups().values(), key=lambda group: group.attribute("time"))
    colours = [CURVE_COLOURS(x) for x in np.linspace(0, 1, len(groups))] if len(groups) > 1 else [CURVE_COLOURS(1.0)]
    lines = [read_points(group) for group in groups]
    styles = [
        {"color": colour, "marker": marker, "label": _time_label(group)}
        for group, colour, marker in zip(groups, colours, cycle("vsD^o"), strict=False)
    ]
    draw_lines(axes, lines, styles, diverging=True)
    ratio, guide = bound.attribute("ratio"), table.attribute("guide_ratio")
    foot = dress(axes, lines, [ratio, guide], rows_above=2 if np.isfinite(ratio) else 3)
    for points, colour, shift in zip(lines, colours, _shifts(len(lines)), strict=True):
        _draw_divergence(axes, points, colour, shift, foot)
    _legends(axes, [*_draw_measured_bound(axes, bound), *_draw_guide(axes, guide)])
    depth, dim, loss = (groups[0].attribute(name) for name in ("depth", "dim", "loss"))
    axes.set_title(f"{loss} loss, $L={depth}$, {_dim_label(dim)}", pad=3)


def draw_architectures(axes: Axes, groups: Sequence[Table], bound: Table) -> None:
    """Draw [G] Fig. 5(b, c), [S] Fig. 3(A): N* for several L and d. Cross-entropy has open markers and broken lines."""
    lines = [read_points(group) for group in groups]
    dims = sorted({int(group.attribute("dim")) for group in groups} - {0})
    losses = {str(group.attribute("loss")) for group in groups}
    draw_lines(axes, lines, [_style(group, dims, name_loss=len(losses) > 1) for group in groups])
    ratio = bound.attribute("ratio")
    dress(axes, lines, [ratio], rows_above=1 if np.isfinite(ratio) else 2)
    _legends(axes, _draw_measured_bound(axes, bound))
    if len(losses) == 1:
        axes.set_title(f"{losses.pop()} loss", pad=3)


def draw_comparison(axes: Axes, mnist: Mapping[str, Table], random: Table, ratio: float) -> None:
    """Draw [G] Fig. 10 = [S] Fig. 3(C): N* for MNIST in colour, for random data in black, and the bound N* = 4 P."""
    lines = [read_points(group) for group in (*mnist.values(), random)]
    styles = [
        {
            "color": DEPTH_COLOURS[_depth(group)],
            "marker": DEPTH_MARKERS[_depth(group)],
            "label": f"MNIST, $L={group.attribute('depth')}$",
        }
        for group in mnist.values()
    ]
    label = f"random data, $L={random.attribute('depth')}$, {_dim_label(random.attribute('dim'))}"
    marker = {"marker": DEPTH_MARKERS[_depth(random)], "fillstyle": "none", "markeredgewidth": 0.7}
    draw_lines(axes, lines, [*styles, {"color": "black", "ls": (0, (4, 2)), "label": label, **marker}])
    dress(axes, lines, [ratio], rows_above=1)
    _legends(axes, draw_bound(axes, ratio, f"$N^*={ratio:g}\\,P$"))


def draw_lines(axes: Axes, lines: Sequence[Points], styles: Sequence[Mapping], diverging: bool = False) -> None:
    """Draw several lines (`draw_line`), each shifted from the next by BESIDE points."""
    for points, style, shift in zip(lines, styles, _shifts(len(lines)), strict=True):
        draw_line(axes, points, style, shift, diverging)


def draw_line(axes: Axes, points: Points, style: Mapping, shift: float = 0.0, diverging: bool = False) -> None:
    """Draw points with bars, a line through them, and an arrow at each bound.

    Everything is shifted by `shift` points of the page to the right. If the line is `diverging`, `_draw_divergence`
    draws the arrow at its first bound.
    """
    found, style = points.found, {"markersize": 3.2, "lw": 0.8, **style}
    aside = _aside(axes, shift)
    common = {"color": style["color"], "transform": aside}
    axes.plot(points.n_train[found], points.n_star[found], **style, transform=aside, zorder=3)
    axes.vlines(points.n_train[found], points.n_low[found], points.n_high[found], lw=0.7, zorder=2, **common)
    for status, sign in ((LOWER, 1), (UPPER, -1)):
        at_bound = points.status == status
        axes.plot(points.n_train[at_bound], points.n_star[at_bound], ls="none", marker="_", ms=4.5, mew=0.9, **common)
        if diverging and points.diverges_at is not None:
            at_bound[points.diverges_at] = False
        for place in zip(points.n_train[at_bound], points.n_star[at_bound], strict=True):
            axes.annotate(
                "",
                xy=place,
                xycoords=aside,
                xytext=(0, sign * ARROW),
                textcoords="offset points",
                arrowprops={**_ARROW, "color": style["color"]},
            )


# The arrow goes from the bound, `xy`, to a head at the place of the (empty) text.
_ARROW = {"arrowstyle": "<|-", "lw": 0.8, "mutation_scale": 5.5, "shrinkA": 0, "shrinkB": 0}


def draw_bound(axes: Axes, ratio: float, label: str) -> list[Line2D]:
    """Draw the black line N = ratio·P over the whole panel, and return it. A ratio that is nan or inf draws nothing."""
    return _draw_proportional(axes, ratio, {"color": "black", "lw": 0.9, "label": label})


def dress(axes: Axes, lines: Sequence[Points], ratios: Sequence[float], rows_above: int) -> float:
    """Set logarithmic axes with room for points, arrows, lines N = ratio·P, and the legends above and below them.

    Returns the N at the lower edge of the upper legend, which has `rows_above` rows.
    """
    n_train = np.concatenate([points.n_train for points in lines])
    lowest = np.concatenate([np.where(points.n_low > 0, points.n_low, points.n_star) for points in lines])
    highest = np.concatenate([np.where(np.isfinite(p.n_high), p.n_high, p.n_star) for p in lines])
    left, right = n_train.min() / 1.3, n_train.max() * 1.3
    if right < 4 * left:  # a single value of P gives no range
        left, right = left / 2, right * 2
    ratios = np.array([ratio for ratio in ratios if np.isfinite(ratio)])
    bottom, foot = np.log(lowest.min() / 1.4), np.log(max([*highest, *(ratios * right)]) * 1.5)
    # The legend of the lines is at the lower right. The points above it must not overlap with it.
    middle = left * (right / left) ** LEGEND_LEFT
    over_legend = np.log([*lowest[n_train > middle] / 1.2, *(ratios * middle)])
    above, below = LEGEND_ROW * (rows_above + 0.5), LEGEND_ROW * (len(lines) + 0.5)
    top = bottom + (foot - bottom) / (1 - above)
    if len(over_legend):
        bottom = min(bottom, (over_legend.min() - below * top) / (1 - below))
        top = bottom + (foot - bottom) / (1 - above)
    bottom, top = np.exp([bottom, top])
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(bottom, top), xlabel=PATTERNS, ylabel=TRANSITION)
    log_ticks(axes.xaxis, left, right)
    log_ticks(axes.yaxis, bottom, top)
    return float(np.exp(foot))


def _shifts(number: int) -> np.ndarray:
    return BESIDE * (np.arange(number) - (number - 1) / 2)


def _aside(axes: Axes, shift: float) -> Transform:
    return axes.transData + ScaledTranslation(shift / 72, 0, axes.figure.dpi_scale_trans)


def _draw_measured_bound(axes: Axes, bound: Table) -> list[Line2D]:
    """Draw the line P/N* = 1/2 − N_c/N. If there is none, the legend says why."""
    ratio, fraction = bound.attribute("ratio"), bound.attribute("cusp_fraction")
    if bound.attribute("n_runs") == 0:
        max_loss = scientific(bound.attribute("max_loss"))
        label = f"no jammed run with $\\mathcal{{L}} <$ {max_loss}:\n$N_c$ not measured"
    elif not np.isfinite(ratio):
        label = f"$N_c/N={fraction:.2f}$: no bound"
    else:
        return draw_bound(axes, ratio, f"$P/N^*=1/2-N_c/N$, $N_c/N={fraction:.2f}$")
    return [Line2D([], [], ls="none", label=label)]


def _draw_guide(axes: Axes, ratio: float) -> list[Line2D]:
    return _draw_proportional(axes, ratio, {"color": "black", "lw": 0.9, "ls": (0, (1, 1.6)), "label": "slope 1"})


def _draw_proportional(axes: Axes, ratio: float, style: Mapping) -> list[Line2D]:
    if not np.isfinite(ratio):
        return []
    ends = np.array(axes.get_xlim())
    return axes.plot(ends, ratio * ends, zorder=1, **style)


def _draw_divergence(axes: Axes, points: Points, colour: tuple, shift: float, top: float) -> None:
    """Draw a broken arrow from the last transition found up to `top` at the next P, where no network fitted.

    On the logarithmic axes it is a parabola that begins with slope 1 and ends vertically.
    """
    after = points.diverges_at
    if after is None:
        return
    start = np.log([points.n_train[after - 1], points.n_star[after - 1]])
    end = np.log([points.n_train[after], max(top, 1.01 * points.n_star[after - 1])])
    corner = np.array([end[0], start[1] + min(end[0] - start[0], (end[1] - start[1]) / 2)])
    t = np.linspace(0, 1, 60)[:, None]
    x, y = np.exp((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end).T
    style = {"color": colour, "transform": _aside(axes, shift), "zorder": 2}
    axes.plot(x, y, lw=0.8, ls=(0, (4, 2)), **style)
    axes.plot(x[-1], y[-1], ls="none", marker="^", ms=3.5, **style)


def _style(group: Table, dims: Sequence[int], name_loss: bool) -> dict:
    depth, dim, loss = (group.attribute(name) for name in ("depth", "dim", "loss"))
    style = {"color": DEPTH_COLOURS[_depth(group)], "marker": DEPTH_MARKERS[_depth(group)]}
    if loss == "cross-entropy":
        broken = [(0, (4, 2)), (0, (1, 1.4)), (0, (4, 1.5, 1, 1.5))][dims.index(dim) % 3 if dim else 0]
        style |= {"fillstyle": "none", "markeredgewidth": 0.7, "ls": broken}
    return {**style, "label": f"{loss}, " * name_loss + f"$L={depth}$, {_dim_label(dim)}"}


def _depth(group: Table) -> str:
    """The name of the depth, e.g. "L3". Raises FigureError for a depth without a colour."""
    name = f"L{group.attribute('depth')}"
    if name not in DEPTH_COLOURS:
        raise FigureError(f"figure '{group.figure}': group '{group.place}' has a depth without a colour, {name}.")
    return name


def _dim_label(dim: int) -> str:
    return f"$d={dim}$" if dim else "$d=h$"


def _time_label(group: Table) -> str:
    fraction, time = group.attribute("fraction"), group.attribute("time")
    return f"$t={scientific(time)[1:]} steps" if fraction == 1 else f"$t/{1 / fraction:g}$"


def _legends(axes: Axes, handles: Sequence[Line2D]) -> None:
    """Draw two legends: theory above the points, measured lines below them."""
    if handles:
        axes.add_artist(axes.legend(handles=handles, loc="upper left"))
    measured = [line for line in axes.lines if line not in handles and not line.get_label().startswith("_")]
    axes.legend(handles=measured, loc="lower right")
