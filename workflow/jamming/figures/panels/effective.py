"""Panel of the effective number of parameters against their total number."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .style import GREY, LOSS_COLOURS, SINGLE_COLUMN, log_ticks
from .table import FigureError, Table

STATES = {"initial": ("at initialization", {"marker": "o", "fillstyle": "none", "markeredgewidth": 0.8, "ms": 5})}
STATES["final"] = ("after training", {"marker": "o", "ms": 2.4})
"""Markers of the networks before and after training. The second marker fits into the first."""


def draw_effective(table: Table) -> Figure:
    """Draw [G] Fig. 11 = [S] Fig. A1: N_eff against Ñ, one marker per network and one colour per P; line N_eff = Ñ.

    The inset shows (Ñ − N_eff)/(number of hidden neurons). It is 1 if the scale symmetry of each ReLU neuron is the
    only reduction of N_eff. Raises FigureError for numbers that no network can have.
    """
    groups = {state: table.group(state) for state in STATES}
    figure = Figure((SINGLE_COLUMN, 3.0))
    axes = figure.add_subplot()
    inset = axes.inset_axes((0.57, 0.15, 0.4, 0.3))
    colours = _colours(groups)
    for state, group in groups.items():
        n_params, n_eff, n_hidden, n_train = group.columns("n_params", "n_eff", "n_hidden", "n_train")
        if (n_hidden < 1).any() or (n_eff > n_params).any():
            raise FigureError(
                f"figure '{table.figure}': group '{group.place}' has n_eff above n_params or no hidden neuron; "
                "delete the table and run the workflow again."
            )
        for value, colour in colours.items():
            chosen = n_train == value
            style = {"ls": "none", "color": colour, **STATES[state][1], "zorder": 3}
            axes.plot(n_params[chosen], n_eff[chosen], **style)
            inset.plot(n_params[chosen], ((n_params - n_eff) / n_hidden)[chosen], **style)
    _draw_lines(axes, groups["initial"])
    _dress_inset(inset)
    axes.set(xlabel=r"$\tilde N$", ylabel=r"$N_{\mathrm{eff}}$")
    _draw_legend(axes, colours, f"$d={table.attribute('dim')}$, $L={table.attribute('depth')}$")
    return figure


def _colours(groups: dict[str, Table]) -> dict[int, tuple]:
    """A colour for each P, darker for smaller P."""
    values = np.unique(np.concatenate([group.columns("n_train")[0] for group in groups.values()]))
    return {int(value): LOSS_COLOURS(x) for value, x in zip(values, np.linspace(0.12, 0.85, len(values)), strict=True)}


def _draw_lines(axes: Axes, group: Table) -> None:
    """Draw the line N_eff = Ñ, and Ñ minus the number of hidden neurons, a function of Ñ at given d and L."""
    n_params, n_hidden = group.columns("n_params", "n_hidden")
    end = 1.05 * n_params.max()
    axes.set(xlim=(0, end), ylim=(0, end))
    axes.plot([0, end], [0, end], color="black", lw=0.7, ls=(0, (4, 2)), zorder=1)
    order = np.argsort(n_params)
    axes.plot(n_params[order], (n_params - n_hidden)[order], color=GREY, lw=0.7, zorder=1)


def _dress_inset(inset: Axes) -> None:
    inset.axhline(1, color=GREY, lw=0.7, zorder=1)
    inset.set_xscale("log")
    log_ticks(inset.xaxis, *inset.get_xlim())
    inset.set_ylim(0, 1.15 * max(inset.get_ylim()[1], 1.6))
    inset.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    inset.set_xlabel(r"$\tilde N$", fontsize=7, labelpad=0)
    inset.set_title(r"$(\tilde N - N_{\mathrm{eff}})\,/\,$hidden neurons", fontsize=6.5, pad=2)
    inset.tick_params(labelsize=6, pad=2)


def _draw_legend(axes: Axes, colours: dict[int, tuple], title: str) -> None:
    """Draw the legends: one of lines and states, and one of the values of P, at most five of them."""
    entries = [
        Line2D([], [], color="black", lw=0.7, ls=(0, (4, 2)), label=r"$N_{\mathrm{eff}}=\tilde N$"),
        Line2D([], [], color=GREY, lw=0.7, label=r"$\tilde N-$ hidden neurons"),
        *[Line2D([], [], ls="none", color="0.2", label=label, **style) for label, style in STATES.values()],
    ]
    first = axes.legend(handles=entries, loc="upper left")
    axes.add_artist(first)
    values = list(colours)
    named = [values[round(i)] for i in np.linspace(0, len(values) - 1, min(len(values), 5))]
    patches = [
        Line2D([], [], ls="none", marker="s", ms=4, color=colours[value], label=f"$P={value}$") for value in named
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (0.0, 0.74), "handletextpad": 0.1}
    axes.legend(handles=patches, **place, title=title, title_fontsize=7, alignment="left")
