"""Shared by all panels: colours, labels, notes, and an axis of 𝓛 that has room for 𝓛 = 0."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

SINGLE_COLUMN, DOUBLE_COLUMN = 3.4, 7.0
"""Widths of figures in inches."""

DEPTH_COLOURS = {"L1": "#e08214", "L2": "#1f4fbf", "L3": "#cf2a27", "L5": "#1f8f3a"}
"""Colours of the depths as in [G] Fig. 7(d): L = 2 blue, L = 3 red, L = 5 green. The colour of L = 1 is ours."""
DEPTH_MARKERS = {"L1": "D", "L2": "o", "L3": "s", "L5": "^"}
DEPTH_LINES = {"L1": (0, (1, 1)), "L2": "-", "L3": (0, (4, 1.2)), "L5": (0, (4, 1.2, 1, 1.2))}
"""Markers and line styles distinguish the depths without colour."""
TIME_COLOURS = LinearSegmentedColormap.from_list("time", ["#3fbf4f", "#1fa0a0", "#1c3fb4"])
"""Colours from green (short time) to blue (long time), as in [G] Fig. 6(a)."""
LOSS_COLOURS = LinearSegmentedColormap.from_list("loss", ["#000000", "#6a176e", "#d1426f", "#f98e09", "#f2d43f"])
"""Colours from black (low 𝓛) to yellow (high 𝓛), as in [G] Fig. 7(a). The yellow is dark enough for white paper."""
GREY = "0.45"

STRIP_FRACTION = 0.07
"""Half the width of the strip for 𝓛 = 0, in units of the logarithmic part of the axis."""
LOSS_DECADES = 8
"""An axis shows at most this many decades of 𝓛."""


def depth_label(group: str) -> str:
    """The name of a group, e.g. "L3", in mathematical notation."""
    return f"$L={group.removeprefix('L')}$"


def label_panel(axes: Axes, label: str) -> None:
    """Write (a), (b), … above the upper left corner."""
    axes.set_title(label, loc="left", fontweight="bold", pad=3)


def note(axes: Axes, text: str, x: float = 0.04, y: float = 0.95, **options: object) -> None:
    """Write a small remark inside a panel; x and y are fractions of the axes."""
    options = {"ha": "left" if x < 0.5 else "right", "va": "top" if y > 0.5 else "bottom", "fontsize": 6.5, **options}
    axes.text(x, y, text, transform=axes.transAxes, **options)


def empty_panel(axes: Axes, text: str) -> None:
    """Write into the middle of a panel why it is empty."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=7, color=GREY, wrap=True)


def not_run(axes: Axes, what: str) -> None:
    """Write the remark of a panel whose sweeps were left out."""
    empty_panel(axes, f"{what}: not run")


def no_run_near_jamming(axes: Axes, max_loss: float) -> None:
    """Write the remark of a panel without a run near jamming."""
    empty_panel(axes, f"no jammed run with\n$\\mathcal{{L}} <$ {scientific(max_loss)}")


def count_runs(number: int) -> str:
    """1 → "1 run", 2 → "2 runs"."""
    return f"{number} run{'' if number == 1 else 's'}"


def per_depth(axes: Axes, title: str, values: Mapping[str, str], y: float = 0.95) -> None:
    """Write a title at the right of a panel, and below it one value for each depth, in the depth's colour."""
    depths = ",".join(name.removeprefix("L") for name in values)
    note(axes, f"{title}, $L={depths}$" if len(values) > 1 else title, 0.96, y, ha="right")
    for column, (name, text) in enumerate(reversed(values.items())):
        note(axes, text, 0.96 - 0.19 * column, y - 0.09, ha="right", color=DEPTH_COLOURS[name])


def tint(colour: str, amount: float) -> tuple[float, ...]:
    """A colour mixed with white: 0 leaves it, 1 makes it white."""
    return tuple(np.array(to_rgb(colour)) * (1 - amount) + amount)


def scientific(value: float) -> str:
    """A positive number as mathematics, for remarks: 0.001 → $10^{-3}$, 2e-4 → $2\\times10^{-4}$."""
    factor, exponent = f"{value:.1e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if float(factor) == 1 else f"${float(factor):g}\\times{power}$"


def tick_label(value: float, _: int = 0) -> str:
    """A number in plain characters: 0.001 → 10⁻³, 2e-4 → 2×10⁻⁴, -0.1 → −10⁻¹. matplotlib's mathematics is slower."""
    if value == 0:
        return "0"
    factor, exponent = f"{abs(value):.0e}".split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{power}" if float(factor) == 1 else f"{sign}{float(factor):g}×{power}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def log_ticks(axis: Axis, low: float, high: float, most: int = 6) -> None:
    """Set the ticks of a logarithmic axis within [low, high], with labels on at most `most` of them."""
    _set_ticks(axis, _tick_values(low, high, most), low, high)


def _tick_values(low: float, high: float, most: int) -> list[float]:
    """The labelled values: decades within [low, high], at most `most` of them, or up to two of 1, 2, 5 in a decade."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    decades = [10.0**decade for decade in range(first, last + 1) if low <= 10.0**decade <= high]
    if len(decades) < 2:
        values = [k * 10.0**decade for decade in range(first, last + 1) for k in (1, 2, 5)]
        values = [value for value in values if low <= value <= high]
        apart = len(values) > 1 and np.log(values[-1] / values[0]) > 0.35 * np.log(high / low)
        return [values[0], values[-1]] if apart else values[-1:]
    return decades[:: -int(np.ceil(len(decades) / most))][::-1]


def _set_ticks(axis: Axis, values: Sequence[float], low: float, high: float) -> None:
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    between = (1,) if len(decades) > 8 else range(1, 10)
    minor = [k * 10.0**decade for decade in decades for k in between]
    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_major_formatter(FuncFormatter(tick_label))
    axis.set_minor_locator(FixedLocator([value for value in minor if low <= value <= high]))
    axis.set_minor_formatter(NullFormatter())


class LossAxis:
    """A logarithmic x-axis of 𝓛. A strip at its left holds the runs with 𝓛 = 0, or with 𝓛 too small for the axis.

    Runs that fit have 𝓛 many decades below the others: they join the strip.
    """

    def __init__(self, loss: np.ndarray, fits: np.ndarray) -> None:
        unfitted, positive = loss[~fits], loss[loss > 0]
        largest = max(positive, default=1e-3)
        smallest = max(min(unfitted, default=min(positive, default=1e-6)), largest * 10.0**-LOSS_DECADES)
        self.floor = 10.0 ** (np.floor(2 * np.log10(smallest) - 0.1) / 2)
        self.top = max(largest, 10 * self.floor) * 1.4
        decades = np.log10(self.top / self.floor)
        self.zero = self.floor * 10.0 ** (-STRIP_FRACTION * decades)
        self.left = self.floor * 10.0 ** (-2 * STRIP_FRACTION * decades)
        self.n_below = int(np.sum(loss < self.floor))
        self.all_zero = bool(np.all(loss[loss < self.floor] == 0))

    def place(self, loss: np.ndarray) -> np.ndarray:
        """The x of each run: its 𝓛, or the middle of the strip."""
        return np.where(loss < self.floor, self.zero, loss)

    def dress(self, axes: Axes) -> None:
        """Set scale, limits and ticks, and draw the strip with the number of its runs."""
        axes.set_xscale("log")
        axes.set_xlim(self.left, self.top)
        axes.axvspan(self.left, self.floor, color="0.94", lw=0, zorder=0)
        axes.axvline(self.floor, color=GREY, lw=0.5, ls=(0, (2, 2)))
        axes.set_xlabel(r"$\mathcal{L}$")
        # A label next to the strip would overlap with its "0".
        lowest = self.floor * (self.top / self.floor) ** 0.06
        _set_ticks(axes.xaxis, [self.zero, *_tick_values(lowest, self.top, 5)], self.floor, self.top)
        axes.xaxis.set_major_formatter(FuncFormatter(self._tick))
        if self.n_below:
            bound = "= 0$" if self.all_zero else f"<$ {scientific(self.floor)}"
            text = f"{count_runs(self.n_below)}, $\\mathcal{{L}} {bound}"
            # Beside the runs, which are in the middle of the strip.
            right = 1.8 * STRIP_FRACTION / (1 + 2 * STRIP_FRACTION)
            place = {"ha": "right", "va": "center", "rotation": 90, "fontsize": 6, "color": "0.35", "zorder": 1}
            axes.text(right, 0.5, text, transform=axes.transAxes, **place)

    def _tick(self, value: float, _: int) -> str:
        return "0" if value < self.floor else tick_label(value)
