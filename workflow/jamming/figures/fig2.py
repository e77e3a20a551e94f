"""[G] Fig. 2: the jamming of spheres and of ellipses, a sketch."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure

from .panels.style import DOUBLE_COLUMN, GREY, label_panel, tint
from .panels.table import Table


class Kind(NamedTuple):
    """The name, colour and symbol of φ_c for the particles of one shape."""

    name: str
    colour: str
    density: str


SHOWN = 1.15
"""End of the axis of √λ. The spectrum extends to about 2, but the figure is about small λ."""

KINDS = {
    "spheres": Kind("spheres", "#2b6ca3", r"\varphi_S"),
    "ellipses": Kind("ellipses", "#c2571a", r"\varphi_E"),
}
CONTACT = "#1a1a1a"
IMAGES = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]


def draw(table: Mapping) -> Figure:
    """Draw packings below and above jamming (a–d), energy (e), contacts (f), spectra of spheres (g), ellipses (h)."""
    table = Table("fig2", table)
    groups = {name: table.group(name) for name in KINDS}
    figure = Figure((DOUBLE_COLUMN, 3.75))
    packings, curves = figure.subplots(2, 4, height_ratios=(1.12, 1))
    for axes, (name, state) in zip(packings, [(n, s) for n in KINDS for s in ("fluid", "solid")], strict=True):
        _draw_packing(axes, groups[name].group(state), KINDS[name])
        axes.set_xlabel(f"{state}, $\\varphi {'<' if state == 'fluid' else '>'} {KINDS[name].density}$")
    e, f, g, h = curves
    _draw_energy(e, groups)
    _draw_contacts(f, groups)
    _draw_spectrum(g, groups["spheres"], KINDS["spheres"])
    _draw_spectrum(h, groups["ellipses"], KINDS["ellipses"])
    for axes, label in zip([*packings, *curves], "abcdefgh", strict=True):
        label_panel(axes, f"({label})")
    return figure


def _draw_packing(axes: Axes, packing: Table, kind: Kind) -> None:
    """Draw the periodic square with all images of particles that reach into it. Lines join particles in contact."""
    x, y, angle, a, b = packing.columns("x", "y", "angle", "a", "b")
    for dx, dy in IMAGES:
        axes.add_collection(
            EllipseCollection(
                2 * a,
                2 * b,
                np.degrees(angle),
                units="xy",
                offsets=np.column_stack([x + dx, y + dy]),
                offset_transform=axes.transData,
                # Transparent, so that overlaps are visible.
                facecolor=(*tint(kind.colour, 0.35), 0.55),
                edgecolor=kind.colour,
                linewidth=0.6,
            )
        )
    if packing.has("contacts"):
        x, y, dx, dy, overlap = packing.group("contacts").columns("x", "y", "dx", "dy", "overlap")
        start, end = np.column_stack([x, y]), np.column_stack([x + dx, y + dy])
        segments = np.concatenate([np.stack([start + image, end + image], axis=1) for image in np.array(IMAGES)])
        widths = np.tile(0.25 + 1.25 * overlap / overlap.max(), len(IMAGES))
        axes.add_collection(LineCollection(segments, colors=CONTACT, linewidths=widths, capstyle="round"))
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=[], yticks=[])
    axes.set_title(kind.name, pad=3)


def _draw_energy(axes: Axes, groups: Mapping[str, Table]) -> None:
    for name, group in groups.items():
        phi, energy = group.group("energy").columns("phi", "u")
        axes.plot(phi, energy, color=KINDS[name].colour, label=KINDS[name].name, zorder=3 - group.attribute("jamming"))
    top = axes.get_ylim()[1]
    axes.set(xlim=(phi[0], phi[-1]), ylim=(-0.08 * top, top), xlabel=r"$\varphi$", ylabel="$U$", yticks=[0])
    axes.legend(loc="upper left")
    _mark_jamming(axes, groups)


def _draw_contacts(axes: Axes, groups: Mapping[str, Table]) -> None:
    phi, _ = groups["spheres"].group("energy").columns("phi", "u")
    for name, group in groups.items():
        colour, jamming = KINDS[name].colour, group.attribute("jamming")
        density, ratio = group.group("contacts").columns("phi", "n_delta_over_n")
        jump = group.attribute("jump")
        # The lines at 0 coincide, so the shorter one is drawn on top.
        axes.plot([phi[0], jamming], [0, 0], color=colour, zorder=3 - jamming)
        axes.plot([jamming, jamming], [0, jump], color=colour, lw=0.7, ls=(0, (2, 2)))
        axes.plot(density, ratio, color=colour)
        axes.plot([jamming], [jump], color=colour, marker="o", ms=3)
    axes.axhline(1, color=GREY, lw=0.5, zorder=0)
    axes.set(xlim=(phi[0], phi[-1]), ylim=(-0.11, 1.5), xlabel=r"$\varphi$", ylabel=r"$N_\Delta/N$", yticks=[0, 1])
    _mark_jamming(axes, groups)


def _mark_jamming(axes: Axes, groups: Mapping[str, Table]) -> None:
    axes.set_xticks(
        [group.attribute("jamming") for group in groups.values()], [f"${KINDS[name].density}$" for name in groups]
    )


def _draw_spectrum(axes: Axes, group: Table, kind: Kind) -> None:
    """Draw D(√λ) at jamming (solid) and above (dotted). An arrow shows the peak of flat directions at 0, if any."""
    jammed, above = group.group("spectrum/at_jamming"), group.group("spectrum/above")
    has_flat = jammed.attribute("weight_at_zero") > 0
    dotted = {"color": kind.colour, "ls": (0, (1, 1.2)), "lw": 1.3}
    root, density = jammed.columns("root", "density")
    axes.plot(root, density, color=kind.colour, label="at jamming")
    axes.plot(*above.columns("root", "density"), **dotted, label="above")
    # A peak at the left leaves room for the legend beside it. Otherwise the legend needs room above the curves.
    top = (1.12 if has_flat else 1.5) * max(line.get_ydata().max() for line in axes.lines)
    axes.set(xlim=(-0.06, SHOWN), ylim=(0, top), xticks=[0], yticks=[0])
    axes.set(xlabel=r"$\sqrt{\lambda}$", ylabel=r"$D(\sqrt{\lambda})$")
    axes.set_title(kind.name, pad=3)
    axes.legend(loc="upper right")
    if has_flat:
        arrow = {"arrowstyle": "-|>", "lw": 1.3, "color": kind.colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
        axes.annotate("", xy=(0, 0.97 * top), xytext=(0, 0), arrowprops=arrow)
    _mark_scale(axes, above.attribute("scale"), (0.45 if has_flat else 0.14) * top)


def _mark_scale(axes: Axes, scale: float, height: float) -> None:
    """Mark the scale of λ that appears above jamming."""
    axes.annotate(
        r"$\lambda\sim\sqrt{U}$",
        xy=(scale, height),
        xytext=(scale + 0.22, height),
        va="center",
        fontsize=7.5,
        arrowprops={"arrowstyle": "->", "lw": 0.6, "color": GREY, "shrinkA": 1, "shrinkB": 0, "mutation_scale": 6},
    )
    axes.plot([scale, scale], [0, height], color=GREY, lw=0.5, zorder=0)
