"""Plot the measurements: `draw(data) -> Figure`, in the project's style. No torch."""

import io
from collections.abc import Mapping, Sequence

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from jamming.figures import STYLE
from jamming.figures.panels.style import DOUBLE_COLUMN, GREY, empty_panel, label_panel, log_ticks, note

COLOURS = ("0.35", "#e08214", "#1f4fbf", "#cf2a27", "#1f8f3a", "#6a176e")
"""Of engines, in the order in which they appear."""
LIMITS = {"float64": (0, (4, 2)), "float32": (0, (1, 1.5))}
THREADS = {1: "full", 2: "none"}
"""Markers of so many threads."""


def draw(data: Mapping) -> Figure:
    """Draw the times of a step (against N, P, number of networks), of analysis and planning; the gain of a Verlet list.

    `run` writes `data`. The panel of a part that was not measured says so.
    """
    with matplotlib.style.context(STYLE, after_reset=True):
        figure = Figure((DOUBLE_COLUMN, 4.5))
        axes = figure.subplots(2, 3).ravel()
        panels = (
            ("scaling", lambda panel, rows: _draw_steps(panel, rows, "n_weights")),
            ("scaling", lambda panel, rows: _draw_steps(panel, rows, "n_train")),
            ("scaling", lambda panel, rows: _draw_steps(panel, rows, "replicas")),
            ("spectra", lambda panel, rows: _draw_analysis(panel, rows, data.get("effective", []))),
            ("dry_run", _draw_dry_run),
            ("motion", lambda panel, found: _draw_motion(panel, found["rows"])),
        )
        for letter, panel, (part, drawn) in zip("abcdef", axes, panels, strict=True):
            label_panel(panel, f"({letter})")
            if part in data:
                drawn(panel, data[part])
            else:
                empty_panel(panel, "not measured")
        if "scaling" in data:
            _draw_legend(figure, data["scaling"])
        return figure


def saved(data: Mapping, suffix: str, dpi: float = 300) -> bytes:
    """The plot as the bytes of a file, "pdf" or "png", without a date."""
    content = io.BytesIO()
    metadata = {"CreationDate": None} if suffix == "pdf" else {}
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(data).savefig(content, format=suffix, dpi=dpi, metadata=metadata)
    return content.getvalue()


LABELS = {"n_weights": "$N$", "n_train": "$P$", "replicas": "networks"}


def _engines(rows: Sequence[Mapping]) -> dict[str, str]:
    """The colour of each engine."""
    return dict(zip(dict.fromkeys(row["engine"] for row in rows), COLOURS, strict=False))


def _draw_legend(figure: Figure, rows: Sequence[Mapping]) -> None:
    """Draw the legend of engines and limits, which three panels share, above all panels."""
    style = {"marker": "o", "ms": 3.2, "lw": 0.8}
    entries = [Line2D([], [], color=colour, label=engine, **style) for engine, colour in _engines(rows).items()]
    for dtype, dashes in LIMITS.items():
        label = f"limit, {dtype}"
        entries.append(Line2D([], [], color="black", lw=0.7, ls=dashes, label=label))
    figure.legend(handles=entries, loc="outside upper center", ncols=len(entries), columnspacing=1.2)


def _draw_steps(axes: Axes, rows: Sequence[Mapping], against: str) -> None:
    """Draw the time per step and network of each engine, and its limit from the speed of matrix products."""
    colours = _engines(rows)
    rows = [row for row in rows if row["against"] == against]
    first, *others = depths = sorted({row["depth"] for row in rows})
    for engine, colour in colours.items():
        for depth in depths:
            chosen = [row for row in rows if row["engine"] == engine and row["depth"] == depth]
            style = {"marker": "o", "ms": 3.2, "markeredgewidth": 0.7, "lw": 0.8, "color": colour}
            style |= {"fillstyle": "full", "ls": "-"} if depth == first else {"fillstyle": "none", "ls": ":"}
            axes.plot([row[against] for row in chosen], [_each(row, "seconds") for row in chosen], **style)
    for dtype, dashes in LIMITS.items():
        limits = {row[against]: _each(row, "limit") for row in rows if row["dtype"] == dtype and row["depth"] == first}
        axes.plot(list(limits), list(limits.values()), color="black", lw=0.7, ls=dashes)
    _dress(axes, LABELS[against], "time per step (s)")
    if against == "n_weights":
        remark = ", ".join([f"filled: $L={first}$", *(f"open: $L={depth}$" for depth in others)])
        note(axes, f"$P/N=2.8$; {remark}")
    elif against == "n_train":
        note(axes, f"$N={rows[0]['n_weights']}$, $L={first}$")
    else:
        axes.set_ylabel("time per step and network (s)")
        axes.xaxis.set_major_locator(FixedLocator(sorted({row["replicas"] for row in rows})))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        note(axes, f"$N={rows[0]['n_weights']}$, $P={rows[0]['n_train']}$")


def _each(row: Mapping, key: str) -> float:
    return row[key] / row.get("replicas", 1)


def _draw_analysis(axes: Axes, spectra: Sequence[Mapping], effective: Sequence[Mapping]) -> None:
    """Draw the time of the spectra of one network, and of one N_eff at the largest P.

    One thread: CPU time. Two threads, which wait for each other: wall time.
    """
    most = max((row["n_train"] for row in effective), default=0)
    kinds = (
        ("spectra", COLOURS[2], "s", "all_", spectra),
        (r"$N_{\mathrm{eff}}$", COLOURS[4], "^", "", [row for row in effective if row["n_train"] == most]),
    )
    for label, colour, marker, prefix, rows in kinds:
        for threads, fill in THREADS.items():
            chosen = [row for row in rows if row["threads"] == threads]
            style = {"color": colour, "marker": marker, "fillstyle": fill, "markeredgewidth": 0.7, "ms": 3.6, "lw": 0.8}
            key = f"{prefix}cpu_seconds" if threads == 1 else f"{prefix}seconds"
            name = f"{label}, 1 thread" if threads == 1 else f"{label}, {threads} threads (by the clock)"
            if chosen:
                axes.plot([row["n_params"] for row in chosen], [row[key] for row in chosen], **style, label=name)
    _dress(axes, r"$\tilde N$", "time (s)", headroom=0.4)
    axes.legend(loc="upper left", fontsize=6)


def _draw_dry_run(axes: Axes, rows: Sequence[Mapping]) -> None:
    jobs, seconds = [row["jobs"] for row in rows], [row["cpu_seconds"] for row in rows]
    axes.plot(jobs, seconds, "o-", color=COLOURS[2], ms=3.2, lw=0.8)
    axes.plot(jobs, [seconds[-1] * number / jobs[-1] for number in jobs], color=GREY, lw=0.7, ls=LIMITS["float64"])
    _dress(axes, "jobs", "time of a dry-run (s)")
    note(axes, "dashed: proportional to the number of jobs")


def _draw_motion(axes: Axes, rows: Sequence[Mapping]) -> None:
    """Draw the gain in arithmetic against the learning rate, which falls to the right."""
    kinds = (
        ("in_fact", "gain", "until a pattern crosses", COLOURS[2]),
        ("by_bound", "gain_each", "guaranteed, each pattern by itself", COLOURS[4]),
        ("by_bound", "gain", "guaranteed, one list", COLOURS[3]),
    )
    for name, key, label, colour in kinds:
        for protocol, fill in (("annealed", "full"), ("constant", "none")):
            chosen = [row for row in rows if row["protocol"] == protocol]
            style = {"color": colour, "marker": "o", "fillstyle": fill, "markeredgewidth": 0.7, "ms": 3.6, "lw": 0.8}
            axes.plot(
                [row["rate"] for row in chosen],
                [row[name][key] for row in chosen],
                **style,
                label=label if fill == "full" else None,
            )
    axes.axhline(1, color=GREY, lw=0.7, ls=LIMITS["float64"])
    axes.set(xscale="log", xlabel="learning rate", ylabel="gain in arithmetic", ylim=(0.9, 2.5))
    axes.invert_xaxis()
    high, low = axes.get_xlim()
    log_ticks(axes.xaxis, low, high)
    axes.set_xlim(high, low)
    axes.legend(loc="upper left", fontsize=6)
    note(axes, "filled: annealed\nopen: constant rate", 0.96, 0.08)


def _dress(axes: Axes, xlabel: str, ylabel: str, headroom: float = 0.12) -> None:
    """Set two logarithmic axes. A fraction `headroom` of the height stays free above for remarks."""
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** headroom)
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        log_ticks(axis, *limits)
