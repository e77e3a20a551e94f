"""Panel of a fully-connected network."""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from .style import DOUBLE_COLUMN, GREY
from .table import FigureError, Table

MOST_NEURONS, MOST_LAYERS = 7, 5
"""Larger widths and depths are drawn with dots in the middle."""

WIDE, SIDES = 19.0, 3.4
"""Width of the drawing and of its sides, in units of the distance between two neurons."""

INPUT, HIDDEN, OUTPUT = "#2b6ca3", "#333333", "#c2571a"


def draw_architecture(table: Table) -> Figure:
    """Draw [G] Fig. 3 = [S] Fig. 2 from the attributes dim, depth and width."""
    dim, depth, width = (_whole(table, name) for name in ("dim", "depth", "width"))
    figure = Figure((DOUBLE_COLUMN, 3.0))
    axes = figure.add_subplot()
    # Number of neurons and number of each drawn layer. None stands for the hidden layers that are left out.
    shown = range(1, depth + 1) if depth <= MOST_LAYERS else [1, 2, None, depth - 1, depth]
    columns = [(dim, 0), *[(width, number) for number in shown], (1, depth + 1)]
    heights = [_heights(size) for size, _ in columns]
    step = min((WIDE - SIDES) / (len(columns) - 1), 5.0)

    for place, ((_, left), (_, right)) in enumerate(pairwise(columns)):
        if left is not None and right is not None:
            _draw_weights(axes, place * step, step, heights[place], heights[place + 1])
            _label_weights(axes, (place + 0.5) * step, heights[place : place + 2], right)
    for place, (size, number) in enumerate(columns):
        if number is None:
            axes.text(place * step, 0, r"$\cdots$", ha="center", va="center", fontsize=16)
        else:
            colour = INPUT if number == 0 else OUTPUT if number > depth else HIDDEN
            _draw_neurons(axes, place * step, heights[place], size, colour)
    _label_ends(axes, heights, dim, (len(columns) - 1) * step)
    _label_hidden(axes, heights, columns, step, depth, width)

    tall, middle = max(max(height) for height in heights), (len(columns) - 1) * step / 2
    axes.set(xlim=(middle - WIDE / 2, middle + WIDE / 2), ylim=(-tall - 1.6, tall + 1.0), aspect="equal")
    axes.set_axis_off()
    return figure


def _whole(table: Table, name: str) -> int:
    value = table.attribute(name)
    if isinstance(value, str) or value != int(value) or value < 1:
        raise FigureError(
            f"figure '{table.figure}': attribute '{name}' is {value!r}, but must be a whole number of at least 1."
        )
    return int(value)


def _heights(size: int) -> np.ndarray:
    """The vertical positions of the drawn neurons of a layer, from top to bottom."""
    if size <= MOST_NEURONS:
        return (size - 1) / 2 - np.arange(size)
    # The layer is filled, except for the place in the middle. There, dots stand for the neurons that are left out.
    places = (MOST_NEURONS - 1) / 2 - np.arange(MOST_NEURONS)
    return places[places != 0]


def _draw_neurons(axes: Axes, x: float, heights: np.ndarray, size: int, colour: str) -> None:
    axes.scatter(np.full(len(heights), x), heights, s=52, color=colour, zorder=3, lw=0)
    if size > len(heights):
        axes.scatter(np.full(3, x), (-0.28, 0, 0.28), s=3.5, color=colour, zorder=3, lw=0)


def _draw_weights(axes: Axes, x: float, step: float, left: np.ndarray, right: np.ndarray) -> None:
    lines = [((x, low), (x + step, high)) for low in left for high in right]
    axes.add_collection(LineCollection(lines, colors="0.62", linewidths=0.45, zorder=1))


def _label_weights(axes: Axes, x: float, heights: list[np.ndarray], number: int) -> None:
    """Write W^(i) above the connections of layer i."""
    top = max(max(height) for height in heights)
    axes.text(x, top + 0.3, f"$W^{{({number})}}$", ha="center", va="bottom", fontsize=9)


def _label_ends(axes: Axes, heights: list[np.ndarray], dim: int, right: float) -> None:
    """Write x_1 … x_d at the inputs, and f(x; W) at the output."""
    names = {0: "1", 1: "2", len(heights[0]) - 1: str(dim) if dim <= MOST_NEURONS else "d"}
    for index, name in names.items():
        if index < len(heights[0]):
            axes.text(-0.3, heights[0][index], f"$x_{{{name}}}$", ha="right", va="center", fontsize=9)
    axes.text(right + 0.3, 0, r"$f(\mathbf{x};\,\mathbf{W})$", ha="left", va="center", fontsize=9)
    axes.text(-0.1, min(heights[0]) - 0.65, f"$d = {dim}$ inputs", ha="center", va="top", fontsize=8)
    axes.text(right + 0.3, -0.5, "output", ha="left", va="top", fontsize=8)


def _label_hidden(
    axes: Axes, heights: list[np.ndarray], columns: list[tuple[int, int | None]], step: float, depth: int, width: int
) -> None:
    """Write a^(i)_α at one neuron of each hidden layer, and below all of them their number and width."""
    for place, (_, number) in enumerate(columns[1:-1], start=1):
        if number is not None:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
            where = (place * step + 0.17, heights[place][0] + 0.3)
            axes.text(*where, f"$a^{{({number})}}_\\alpha$", ha="left", va="center", fontsize=8, bbox=box, zorder=4)
    bottom = min(heights[1]) - 0.5
    ends = (step - 0.35, (len(columns) - 2) * step + 0.35)
    axes.plot([ends[0], *ends, ends[1]], [bottom + 0.15, bottom, bottom, bottom + 0.15], color=GREY, lw=0.8)
    layers = "hidden layer" if depth == 1 else "hidden layers"
    text = f"$L = {depth}$ {layers} of $h = {width}$ neurons"
    axes.text(sum(ends) / 2, bottom - 0.15, text, ha="center", va="top", fontsize=8)
