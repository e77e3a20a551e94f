"""Write the measurements as tables in Markdown. A part that was not measured has no table."""

from collections.abc import Iterable, Mapping, Sequence


def markdown(data: Mapping) -> list[str]:
    """The lines of the page: the machine in one line, then one table for each part in `data` (written by `run`)."""
    machine = data["machine"]
    lines = [
        f"Measured on {machine['processor']}, {machine['cores']} cores ({machine['instructions']}), torch "
        f"{machine['torch']}, numpy {machine['numpy']}, Python {machine['python']}; training step {machine['backend']}."
    ]
    for part, rows_of in TABLES.items():
        if part in data:
            title, header, rows = rows_of(data[part])
            lines += ["", f"**{title}**", "", *_table(header, rows)]
    return lines


def _training_step(rows: Sequence[Mapping]) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    title = "One training step: time of one thread (medians of rounds that alternate)"
    header = ("network", "N_Δ/P", "step", "ms", "times faster than autograd", "of the matrix-product speed")
    return (
        title,
        header,
        (
            (
                f"L = {row['depth']}, d = h = {row['width']}, N = {row['n_weights']}, P = {row['n_train']}",
                f"{row['n_delta'] / row['n_train']:.2f}",
                f"{row['engine']} ({row['dtype']})" if row["dtype"] not in row["engine"] else row["engine"],
                f"{1e3 * row['seconds']:.3g}",
                f"{row['ratio']:.1f}",
                f"{100 * row['limit'] / row['seconds']:.0f} % of {row['gflops']:.0f} GFLOP/s",
            )
            for row in rows
        ),
    )


def _replicas(rows: Sequence[Mapping]) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    rows = [row for row in rows if row["against"] == "replicas"]
    title = f"One step of several networks, N = {rows[0]['n_weights']}, P = {rows[0]['n_train']}, one thread"
    counts = sorted({row["replicas"] for row in rows})
    times = {(row["engine"], row["replicas"]): 1e3 * row["seconds"] / row["replicas"] for row in rows}
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    header = ("ms per network and step, of", *(f"{count}" for count in counts))
    return title, header, ((name, *(f"{times[name, count]:.3g}" for count in counts)) for name in engines)


def _spectra(rows: Sequence[Mapping]) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    header = (
        "Ñ",
        "N_Δ",
        "threads",
        "H_0",
        "H_p",
        "all spectra by the clock",
        "of the processor",
        "peak memory",
    )
    return (
        "Spectra, L = 2, d = h, with the eigenvalues of all three matrices",
        header,
        (
            (
                f"{row['n_params']}",
                f"{row['n_delta']}",
                f"{row['threads']}",
                f"{row['h0_seconds']:.2g} s",
                f"{row['hp_seconds']:.2g} s",
                f"{row['all_seconds']:.3g} s",
                f"{row['all_cpu_seconds']:.3g} s",
                f"{row['memory_gb']:.2f} GB",
            )
            for row in rows
        ),
    )


def _effective(rows: Sequence[Mapping]) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    header = ("Ñ", "P", "N_eff", "vectors used", "threads", "by the clock", "of the processor", "peak memory")
    return (
        "N_eff, L = 3, d = 10",
        header,
        (
            (
                f"{row['n_params']}",
                f"{row['n_train']}",
                f"{row['n_eff']}",
                f"{row['n_vectors_used']}",
                f"{row['threads']}",
                f"{row['seconds']:.3g} s",
                f"{row['cpu_seconds']:.3g} s",
                f"{row['memory_gb']:.2f} GB",
            )
            for row in rows
        ),
    )


def _start_up(data: Mapping) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    rows, total = data["rows"], data["total"]
    header = ("jobs", "import", "one start, of the processor", "jobs in `quick`", "all starts")
    cells = [
        (
            row["kind"],
            ", ".join(row["packages"]),
            f"{row['seconds']:.2f} s",
            f"{row['jobs']}" if total else "–",
            f"{row['jobs'] * row['seconds']:.1f} s" if total else "–",
        )
        for row in rows
    ]
    if total:
        starts, jobs = sum(row["jobs"] * row["seconds"] for row in rows), sum(row["jobs"] for row in rows)
        share = f"{starts:.0f} s, {100 * starts / total:.1f} % of {total:.0f} s"
        cells.append(("all", "", "", f"{jobs}", share))
    return "Python's start-up: what each kind of job imports, and its share of a finished `quick`", header, cells


def _dry_run(rows: Sequence[Mapping]) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    header = ("jobs", "by the clock", "of the processor", "per job", "peak memory")
    return (
        "Planning: `snakemake -n -q rules`",
        header,
        (
            (
                f"{row['jobs']}",
                f"{row['seconds']:.1f} s",
                f"{row['cpu_seconds']:.1f} s",
                f"{1e3 * row['cpu_seconds'] / row['jobs']:.1f} ms",
                f"{row['memory_mb']:.0f} MB",
            )
            for row in rows
        ),
    )


def _motion(data: Mapping) -> tuple[str, Sequence[str], Iterable[Sequence[str]]]:
    step, bound = (1e3 * data["seconds"][name] for name in ("step", "bound"))
    title = (
        f"A Verlet list, N = {data['n_weights']}, P = {data['n_train']}, ε = 1/2; "
        f"one step takes {step:.2g} ms, the bound on the motion {bound:.2g} ms"
    )
    skin = data["rows"][0]["skins"].index(0.5)
    header = (
        "rate",
        "N_Δ/P",
        "Δ > −1/2",
        "99.9 % move less than, in 1, 10, 100 steps",
        "list with skin 1/2 lasts, in fact (guaranteed)",
        "less arithmetic, best skin: in fact",
        "guaranteed",
        "each pattern by its own bound",
    )
    return (
        title,
        header,
        (
            (
                f"{row['rate']:g}{' (constant)' if row['protocol'] == 'constant' else ''}",
                f"{row['n_delta_over_p']:.2f}",
                f"{row['listed'][skin]:.2f}",
                ", ".join(f"{values[1]:.1g}" for values in row["motion"].values()),
                " ".join(
                    text.format(_steps(row[name]["lasts"][skin], data["longest"]))
                    for text, name in (("{}", "in_fact"), ("({}) steps", "by_bound"))
                ),
                f"{row['in_fact']['gain']:.2f}",
                f"{row['by_bound']['gain']:.2f}",
                f"{row['by_bound']['gain_each']:.2f}",
            )
            for row in data["rows"]
        ),
    )


def _steps(number: float | None, longest: int) -> str:
    """A number of steps as text. None means infinity: the list of all patterns lasts for ever."""
    if number is None:
        return "∞"
    return f"≥ {longest}" if number >= longest else f"{number:.0f}"


TABLES = {
    "training_step": _training_step,
    "scaling": _replicas,
    "spectra": _spectra,
    "effective": _effective,
    "start_up": _start_up,
    "dry_run": _dry_run,
    "motion": _motion,
}


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
