"""Read a drawn figure: its panels by their labels, and the texts in them."""

from helpers import synthetic
from jamming.analysis import Analysis

NETWORK = {"dim": 5, "depth": 3, "width": 6}
ANALYSIS = Analysis(max_loss=synthetic.MAX_LOSS, n_bootstrap=50, seed=1, drawn_network=NETWORK)


def panel(figure, label):
    for axes in figure.axes:
        if axes.get_title(loc="left") in (label, f"({label})"):
            return axes
    raise AssertionError(f"no panel {label}")


def words(axes):
    legend = axes.get_legend()
    return [text.get_text() for text in [*axes.texts, *(legend.get_texts() if legend else [])]]
