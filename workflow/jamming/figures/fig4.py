"""[G] Fig. 4: cross-entropy and quadratic hinge as functions of y f."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from .panels.style import GREY, SINGLE_COLUMN
from .panels.table import Table

CROSS_ENTROPY, HINGE = "#7a4fa3", "#1f8f8f"


def draw(table: Mapping) -> Figure:
    """Draw ℓ(y f) of both losses. A shade marks misclassified patterns, and a line the margin."""
    table = Table("fig4", table)
    aligned, cross_entropy, hinge = table.columns("yf", "cross_entropy", "hinge")
    margin = float(table.attribute("margin"))
    figure = Figure((SINGLE_COLUMN, 2.5))
    axes = figure.add_subplot()
    axes.axvspan(aligned[0], 0, color="0.90", lw=0, zorder=0)
    axes.axvline(margin, 0, 0.68, color=GREY, lw=0.5, ls=(0, (2, 2)), zorder=1)
    axes.plot(aligned, cross_entropy, color=CROSS_ENTROPY, label=r"cross-entropy, $\log(1+e^{-yf})$")
    axes.plot(aligned, hinge, color=HINGE, label=r"hinge, $\frac{1}{2}\,\max(0,\,\epsilon-yf)^2$")
    top = 1.02 * max(cross_entropy.max(), hinge.max())
    axes.set(xlim=(aligned[0], aligned[-1]), ylim=(-0.04 * top, top), xlabel="$yf$", ylabel=r"$\ell(yf)$")
    axes.xaxis.set_major_locator(MultipleLocator(0.5))
    axes.yaxis.set_major_locator(MultipleLocator(0.5))
    axes.legend(loc="upper right", title=f"$\\epsilon = {margin:g}$", alignment="left", title_fontsize=7)
    beside = {"transform": axes.get_xaxis_transform(), "fontsize": 6.5, "color": "0.3", "va": "bottom"}
    axes.text(aligned[0] / 2, 0.08, "misclassified", ha="center", **beside)
    axes.text((margin + aligned[-1]) / 2, 0.28, r"satisfied: $yf > \epsilon$", ha="center", **beside)
    return figure
