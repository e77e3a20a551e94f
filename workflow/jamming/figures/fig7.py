"""[G] Fig. 7: spectra near jamming for random data; ReLU in (a–d), tanh in (e–g)."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .panels.spectra import draw_averaged, draw_positive_part, draw_rescaled
from .panels.style import (
    DEPTH_COLOURS,
    DEPTH_LINES,
    DOUBLE_COLUMN,
    count_runs,
    depth_label,
    label_panel,
    not_run,
    scientific,
)
from .panels.table import Table, runs_in


def draw(table: Mapping) -> Figure:
    """Draw H_p, its collapse in λ/Δ̃ (Δ̃ the median overlap), H_0 and H for ReLU; below, the last three for tanh."""
    table = Table("fig7", table)
    relu, tanh = table.group("relu"), table.group("tanh")
    figure = Figure((DOUBLE_COLUMN, 3.9))
    panels = figure.subplot_mosaic("abcd;.efg")
    if relu.group("hp").groups(or_none=True):
        draw_positive_part(panels["a"], table.group("hp_positive"), relu.attribute("max_loss"))
    else:
        not_run(panels["a"], "ReLU")
    _draw_row([panels[label] for label in "bcd"], relu, "ReLU", singly=True)
    _draw_row([panels[label] for label in "efg"], tanh, "tanh", singly=False)
    for label, axes in panels.items():
        label_panel(axes, f"({label})")
    _legend(figure, relu, tanh)
    return figure


def _draw_row(panels: list[Axes], network: Table, activation: str, singly: bool) -> None:
    max_loss = network.attribute("max_loss")
    if not network.group("hp").groups(or_none=True):
        for axes in panels:
            not_run(axes, activation)
        return
    draw_rescaled(panels[0], network.group("hp").groups(), max_loss, singly)
    draw_averaged(panels[1], network.group("h0").groups(), "h0", max_loss)
    draw_averaged(panels[2], network.group("h").groups(), "h", max_loss)


def _legend(figure: Figure, relu: Table, tanh: Table) -> None:
    """Draw the legend of colours and lines into the free place under (a)."""
    handles, labels = [], []
    for activation, network, row in (("ReLU", relu, "a–d"), ("tanh", tanh, "e–g")):
        groups = network.group("hp").groups(or_none=True)
        if not groups:
            continue
        handles.append(Line2D([], [], ls="none"))
        labels.append(f"{activation} ({row}), $\\mathcal{{L}} <$ {scientific(network.attribute('max_loss'))}")
        for name, group in groups.items():
            handles.append(Line2D([], [], color=DEPTH_COLOURS[name], ls=DEPTH_LINES[name], lw=1.4))
            labels.append(f"{depth_label(name)}, {count_runs(runs_in([group]))}")
    handles += [Line2D([], [], ls="none")] * 2
    labels += ["band: standard deviation over runs", "(b): lighter for higher $\\mathcal{L}$"]
    figure.legend(
        handles, labels, handlelength=2.2, loc="lower left", bbox_to_anchor=(0.0, 0.06), fontsize=7, labelspacing=0.35
    )
