"""Panels of spectra: H_p (positive part; both signs in units of the overlap), H_0 and H."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from .style import (
    DEPTH_COLOURS,
    DEPTH_LINES,
    GREY,
    LOSS_COLOURS,
    log_ticks,
    no_run_near_jamming,
    note,
    per_depth,
    tick_label,
    tint,
)
from .table import Table, unit_of

DENSITY = r"$\rho(\lambda)$"
AWAY = 10
"""Eigenvalues beyond this many linear widths of the axis do not belong to the peak at 0."""
NAMES = {"hp": r"$\mathcal{H}_p$", "h0": r"$\mathcal{H}_0$", "h": r"$\mathcal{H}$"}


def draw_positive_part(axes: Axes, group: Table, max_loss: float) -> None:
    """Draw [G] Fig. 7(a): density of the positive eigenvalues of H_p of single runs, black (low 𝓛) to yellow (high)."""
    if group.attribute("n_runs") == 0:
        no_run_near_jamming(axes, max_loss)
        return
    edges, density = group.histogram("density")
    (loss,) = group.columns("loss")
    norm = LogNorm(loss.min(), max(loss.max(), 1.01 * loss.min()))
    for curve, value in zip(density, loss, strict=True):
        axes.plot(*_points(np.sqrt(edges[:-1] * edges[1:]), curve), color=LOSS_COLOURS(norm(value)), lw=0.8)
    axes.set(xscale="log", yscale="log", xlabel=r"$\lambda$", ylabel=DENSITY)
    _log_height(axes, density, headroom=0.1)
    log_ticks(axes.xaxis, *axes.get_xlim(), most=4)
    depth = group.attribute("depth")
    axes.set_title(f"{NAMES['hp']}, $\\lambda>0$", pad=3)
    note(axes, f"$L={depth}$", 0.95, 0.95)
    _draw_loss_bar(axes, norm)


def draw_rescaled(axes: Axes, groups: Mapping[str, Table], max_loss: float, singly: bool) -> None:
    """Draw [G] Fig. 7(b): both signs of H_p over the overlap: single runs, lighter for higher 𝓛, or their mean."""
    groups = _with_runs(groups)
    if not groups:
        no_run_near_jamming(axes, max_loss)
        return
    heights = []
    for name, group in groups.items():
        edges, density, mean, deviation = group.histogram("density", "mean", "deviation")
        width = group.attribute("linear_width")
        centre = _asinh_centres(edges, width)
        heights.append(mean)
        if singly:
            for curve, tone in zip(density[::-1], np.linspace(0, 0.75, len(density))[::-1], strict=True):
                colour = tint(DEPTH_COLOURS[name], tone)
                axes.plot(*_points(centre, curve), color=colour, ls=DEPTH_LINES[name], lw=0.6)
        else:
            shown = np.where(mean > 0, mean, np.nan)
            # On a logarithmic axis a band cannot reach 0. It ends below the panel.
            lower = np.maximum(shown - deviation, np.nanmin(shown) / 1e3)
            _draw_band(axes, name, centre, shown, lower, shown + deviation)
    scaled = rf"\lambda/{unit_of(groups.values())}"
    axes.set(yscale="log", xlabel=f"${scaled}$", ylabel=rf"$\rho({scaled})$")
    axes.axvline(0, color=GREY, lw=0.4, zorder=0)
    _asinh_axis(axes, edges, width)
    _log_height(axes, np.concatenate(heights), headroom=0.2)
    axes.set_title(NAMES["hp"], pad=3)
    per_depth(axes, "$C_0$", _values(groups, "c0"))


def draw_averaged(axes: Axes, groups: Mapping[str, Table], matrix: str, max_loss: float) -> None:
    """Draw [G] Fig. 7(c, d): the spectrum of H_0 or H on an axis of both signs. Areas are fractions of eigenvalues.

    The axis is linear around 0 and logarithmic beyond. The band is the standard deviation over runs.
    """
    groups = _with_runs(groups)
    if not groups:
        no_run_near_jamming(axes, max_loss)
        return
    curves = {name: _averaged(group) for name, group in groups.items()}
    width = next(iter(groups.values())).attribute("linear_width")
    edges = next(iter(groups.values())).histogram("mean")[0]
    for name, curve in curves.items():
        _draw_band(axes, name, *curve)
    axes.set(xlabel=r"$\lambda$", ylabel="fraction per decade")
    _asinh_axis(axes, edges, width)
    axes.set_title(NAMES[matrix], pad=3)
    if matrix == "h0":
        axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
        _draw_delta_at_zero(axes)
        per_depth(axes, r"weight of $\delta(\lambda)$", _values(groups, "zero_weight"))
    else:
        axes.axvline(0, color=GREY, lw=0.4, zorder=0)
        _leave_room_for_the_bulk(axes, curves, edges, width)
        per_depth(axes, r"fraction $\lambda<0$", _values(groups, "negative_fraction"))


def _averaged(group: Table) -> tuple[np.ndarray, ...]:
    """The middles of the bins, the mean, and the mean minus and plus one standard deviation, each (B,)."""
    edges, mean, deviation = group.histogram("mean", "deviation")
    centre = _asinh_centres(edges, group.attribute("linear_width"))
    return centre, mean, np.maximum(mean - deviation, 0), mean + deviation


def _leave_room_for_the_bulk(
    axes: Axes, curves: Mapping[str, tuple[np.ndarray, ...]], edges: np.ndarray, width: float
) -> None:
    """Scale the panel by the eigenvalues away from 0. If the peak at 0 is much higher, an inset shows all of it."""
    spike = max(mean.max() for _, mean, *_ in curves.values())
    bulk = max(upper[np.abs(centre) > AWAY * width].max() for centre, *_, upper in curves.values())
    if spike < 2 * bulk:
        axes.set_ylim(0, 1.3 * max(spike, bulk))
        return
    axes.set_ylim(0, 2.2 * bulk)
    inset = axes.inset_axes([0.6, 0.46, 0.37, 0.32])
    inset.set_in_layout(False)
    for name, (centre, mean, *_) in curves.items():
        inset.plot(centre, mean, color=DEPTH_COLOURS[name], ls=DEPTH_LINES[name], lw=0.6)
    inset.set_xscale("asinh", linear_width=width)
    inset.set(
        xlim=(edges[0], edges[-1]), ylim=(0, 1.1 * spike), xticks=[0], xticklabels=["0"], yticks=[round(spike, 1)]
    )
    inset.xaxis.set_minor_locator(NullLocator())
    inset.tick_params(labelsize=5.5, size=2, pad=1.5)


def _with_runs(groups: Mapping[str, Table]) -> dict[str, Table]:
    return {name: group for name, group in groups.items() if group.attribute("n_runs") > 0}


def _asinh_centres(edges: np.ndarray, width: float) -> np.ndarray:
    """The middles of bins that are equal on the asinh axis."""
    places = np.arcsinh(edges / width)
    return width * np.sinh((places[:-1] + places[1:]) / 2)


def _points(centre: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve with nan in empty bins, since a logarithmic axis has no 0."""
    return centre, np.where(density > 0, density, np.nan)


def _draw_band(
    axes: Axes, name: str, centre: np.ndarray, mean: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> None:
    """Draw the mean of a depth, and the band from `lower` to `upper` around it."""
    axes.fill_between(centre, lower, upper, color=DEPTH_COLOURS[name], alpha=0.3, lw=0)
    axes.plot(centre, mean, color=DEPTH_COLOURS[name], ls=DEPTH_LINES[name], lw=0.9)


def _log_height(axes: Axes, density: np.ndarray, headroom: float) -> None:
    """Set limits that include every density above 0, and leave a fraction `headroom` of the height for remarks."""
    positive = density[density > 0]
    low, high = positive.min() / 2, positive.max() * 1.5
    high *= (high / low) ** (headroom / (1 - headroom))
    axes.set_ylim(low, high)
    log_ticks(axes.yaxis, low, high)


def _asinh_axis(axes: Axes, edges: np.ndarray, linear_width: float) -> None:
    """Set an axis for both signs of λ: linear within ± linear_width, logarithmic beyond."""
    axes.set_xscale("asinh", linear_width=linear_width)
    axes.set_xlim(edges[0], edges[-1])
    length = np.ptp(np.arcsinh(edges / linear_width))
    # Labels need room: the least distance of a labelled decade from 0, and from the next labelled decade.
    nearest = linear_width * np.sinh(0.15 * length)
    every = max(1, int(np.ceil(0.2 * length / np.log(10))))
    last = int(np.floor(np.log10(max(edges[-1], -edges[0]))))
    decades = [decade for decade in range(last, last - 20, -every) if 10.0**decade > nearest]
    ticks = [0.0, *(sign * 10.0**decade for sign in (-1, 1) for decade in decades)]
    axes.xaxis.set_major_locator(FixedLocator(sorted(tick for tick in ticks if edges[0] <= tick <= edges[-1])))
    axes.xaxis.set_major_formatter(FuncFormatter(tick_label))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_delta_at_zero(axes: Axes) -> None:
    """Draw an arrow for the peak at λ = 0. The panel gives its weight as text."""
    axes.annotate(
        "",
        xy=(0, 0.78),
        xytext=(0, 0),
        xycoords=axes.get_xaxis_transform(),
        arrowprops={"arrowstyle": "-|>", "lw": 1.0, "color": "black", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7},
    )


def _values(groups: Mapping[str, Table], attribute: str) -> dict[str, str]:
    return {name: f"{float(group.attribute(attribute)):.2f}" for name, group in groups.items()}


def _draw_loss_bar(axes: Axes, norm: LogNorm) -> None:
    """Draw a small colour bar of 𝓛 inside the panel, with labels at its ends."""
    place = axes.inset_axes([0.08, 0.16, 0.58, 0.035])
    place.set_in_layout(False)
    bar = axes.figure.colorbar(ScalarMappable(norm, LOSS_COLOURS), cax=place, orientation="horizontal")
    bar.set_label(r"$\mathcal{L}$", fontsize=6.5, labelpad=1.5)
    bar.ax.xaxis.set_label_position("top")
    bar.ax.xaxis.set_major_locator(FixedLocator([norm.vmin, norm.vmax]))
    bar.ax.xaxis.set_major_formatter(FuncFormatter(tick_label))
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(labelsize=5.5, size=2, pad=1.5, top=False)
    for text, side in zip(bar.ax.get_xticklabels(), ("left", "right"), strict=True):
        text.set_ha(side)
    bar.outline.set_linewidth(0.4)
