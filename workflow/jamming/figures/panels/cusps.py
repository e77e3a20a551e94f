"""Panels of pre-activations, one for each layer: training set (black) over fresh data (blue)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import DOUBLE_COLUMN, count_runs, label_panel, log_ticks, no_run_near_jamming, note, scientific
from .table import Table

TRAIN, FRESH = "black", "#2f6fdf"


def draw_layers(table: Table) -> Figure:
    """Draw [G] Fig. 12 = [S] Fig. A2: for each layer the density of pre-activations and the mass of the peak at 0."""
    if table.attribute("n_runs") == 0:
        figure = Figure((DOUBLE_COLUMN, 1.9))
        no_run_near_jamming(figure.add_subplot(), table.attribute("max_loss"))
        return figure
    layers = [table.group(f"layer_{layer + 1}") for layer in range(int(table.attribute("n_layers")))]
    figure = Figure((DOUBLE_COLUMN, 2.1))
    panels = figure.subplots(1, len(layers), sharex=True, sharey=True, squeeze=False)[0]
    for index, (axes, layer) in enumerate(zip(panels, layers, strict=True)):
        _draw_layer(axes, layer)
        label_panel(axes, f"({'abcdefgh'[index]})" if len(layers) <= 8 else "")
        axes.set_title(f"layer {index + 1}", pad=3)
        axes.set_xlabel("pre-activation")
    _limits(panels, layers)
    panels[0].set_ylabel("density")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=2)
    figure.legend([], [], loc="outside upper right", title=_summary(table), title_fontsize=7)
    return figure


def _draw_layer(axes: Axes, layer: Table) -> None:
    edges, train, fresh = layer.histogram("train", "fresh")
    axes.stairs(np.where(fresh > 0, fresh, np.nan), edges, baseline=None, color=FRESH, lw=1.4, label="fresh data")
    axes.stairs(np.where(train > 0, train, np.nan), edges, baseline=None, color=TRAIN, lw=0.7, label="training set")
    axes.annotate(
        "",
        xy=(0, 0.86),
        xytext=(0, 0),
        xycoords=axes.get_xaxis_transform(),
        arrowprops={"arrowstyle": "-|>", "lw": 0.9, "color": TRAIN, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7},
    )
    note(axes, f"${layer.attribute('train_mass_at_zero'):.2g}$", 0.56, 0.9, ha="left", fontsize=7.5)


def _limits(panels: Sequence[Axes], layers: Sequence[Table]) -> None:
    """Set the same scales for all layers: three decades of density, with room for the values at the peaks."""
    densities = np.array([np.maximum(*layer.columns("train", "fresh")) for layer in layers])
    positive = densities[densities > 0]
    low, high = max(positive.min(), positive.max() * 1e-3) / 1.5, positive.max() * 1.5
    (edges,) = layers[0].histogram()
    seen = np.flatnonzero((densities > low).any(axis=0))
    panels[0].set_xlim(edges[seen[0]], edges[seen[-1] + 1])
    panels[0].set_yscale("log")
    panels[0].set_ylim(low, high * (high / low) ** 0.25)
    log_ticks(panels[0].yaxis, low, high)


def _summary(table: Table) -> str:
    fraction, deviation = table.attribute("cusp_fraction"), table.attribute("cusp_fraction_deviation")
    return ",  ".join(
        [
            f"$N_c/N = {fraction:.2f}" + (f" \\pm {deviation:.2f}$" if table.attribute("n_runs") > 1 else "$"),
            f"peak: $|a| <$ {scientific(table.attribute('threshold'))}",
            f"{count_runs(table.attribute('n_runs'))}, $\\mathcal{{L}} <$ {scientific(table.attribute('max_loss'))}",
        ]
    )
