"""[G] Fig. 9: MNIST, first 10 principal components, L = 5."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.gaps import draw_distribution
from .panels.jump import draw_jump, draw_load, draw_misclassified, draw_window, loss_axis
from .panels.spectra import draw_averaged, draw_positive_part, draw_rescaled
from .panels.style import DOUBLE_COLUMN, label_panel
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw the jump against P/N (a) and 𝓛 (b), misclassified (c), gaps (d); H_p > 0 (e), H_p (f), H_0 (g), H (h)."""
    table = Table("fig9", table)
    max_loss = table.attribute("max_loss")
    final = table.group("final").groups()
    figure = Figure((DOUBLE_COLUMN, 3.8))
    (a, b, c, d), (e, f, g, h) = figure.subplots(2, 4)

    loss = loss_axis(final)
    draw_load(a, final)
    draw_jump(b, final, loss)
    draw_window(b, final, loss, max_loss)
    draw_misclassified(c, final, loss)
    draw_distribution(d, table.group("negative").groups(), "negative")

    draw_positive_part(e, table.group("hp_positive"), max_loss)
    draw_rescaled(f, table.group("hp").groups(), max_loss, singly=False)
    draw_averaged(g, table.group("h0").groups(), "h0", max_loss)
    draw_averaged(h, table.group("h").groups(), "h", max_loss)

    for axes, label in zip((a, b, c, d, e, f, g, h), "abcdefgh", strict=True):
        label_panel(axes, f"({label})")
    return figure
