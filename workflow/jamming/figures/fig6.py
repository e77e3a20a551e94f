"""[G] Fig. 6: behaviour near the transition for random data."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.jump import draw_evolution, draw_jump, draw_misclassified, draw_window, loss_axis
from .panels.style import DOUBLE_COLUMN, label_panel, not_run
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw N_Δ/N against P/N (a) and 𝓛 (b), misclassified patterns against 𝓛 (c), and (b) for tanh (d)."""
    table = Table("fig6", table)
    max_loss = table.attribute("max_loss")
    relu, tanh = (table.group(name).groups(or_none=True) for name in ("relu", "tanh"))
    figure = Figure((DOUBLE_COLUMN, 4.9))
    (a, b), (c, d) = figure.subplots(2, 2)

    if relu:
        draw_evolution(a, table.group("evolution").groups())
        loss = loss_axis(relu)
        draw_jump(b, relu, loss)
        draw_window(b, relu, loss, max_loss)
        draw_misclassified(c, relu, loss)
        for axes in (b, c):
            # The upper left is free: no run has many unsatisfied or misclassified patterns and a tiny 𝓛.
            axes.legend(loc="upper left", bbox_to_anchor=(0.14, 1.0), title="ReLU", alignment="left")
    else:
        for axes in (a, b, c):
            not_run(axes, "ReLU")

    if tanh:
        draw_jump(d, tanh, loss_axis(tanh))
        d.legend(loc="best", title="tanh", alignment="right")
    else:
        not_run(d, "tanh")

    for axes, label in zip((a, b, c, d), "abcd", strict=True):
        label_panel(axes, f"({label})")
    return figure
