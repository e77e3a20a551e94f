# Exactly what each figure draws, and nothing else: the released data.

from jamming import tables


def table_name(figure):
    """fig6 → fig6, generalization/fig3 → generalization_fig3: rule names have no slash."""
    return "_".join(Path(figure).parts)


def points_needed(figure):
    """The names of the points of each sweep and line that a figure reads."""
    names = sorted({name for needed in tables.needs(figure).values() for name in needed})
    known = SWEEPS | LINES
    found = {name: list(known[name]) for name in names if name in known}
    missing = [name for name in names if name not in known]
    if missing and not (config["only"] and tables.can_be_made(figure, found)):
        why = "only leaves out" if config["only"] else "the config does not have"
        raise WorkflowError(f"Figure {figure} needs '{missing[0]}', which {why}; add it.")
    return found


def results_needed(figure):
    """The files a table is made from."""
    points = points_needed(figure)
    return [
        result_of(kind, name, point)
        for kind, names in tables.needs(figure).items()
        for name in names
        for point in points.get(name, [])
    ]


def all_points():
    """The names of the points of each sweep and line that any figure reads."""
    return {name: points for figure in tables.MODULES for name, points in points_needed(figure).items()}


def all_results():
    """Every file behind a table, and the trained runs behind every observable."""
    trained = [
        f"{RESULTS}/{'lines' if name in LINES else 'runs'}/{name}/{point}.h5"
        for name, points in all_points().items()
        for point in points
    ]
    return sorted({*trained, *(path for figure in tables.MODULES for path in results_needed(figure))})


for figure in tables.MODULES:

    rule:
        name:
            f"tabulate_{table_name(figure)}"
        input:
            # The loop's variable is bound now, not when the function is called.
            lambda wildcards, figure=figure: results_needed(figure),
        output:
            f"{RESULTS}/tables/{figure}.h5",
        log:
            f"{RESULTS}/logs/tables/{figure}.log",
        benchmark:
            f"{RESULTS}/benchmarks/tables/{figure}.tsv"
        group:
            submission_of("figures")
        conda:
            "../../envs/analysis.yaml"
        threads: threads_of("tabulate")
        resources:
            **resources_of("tabulate"),
        params:
            figure=figure,
            preset=config["preset"],
            settings=settings("drawn_network", "max_loss", "n_bootstrap", "seed"),
            points=lambda wildcards, figure=figure: canonical(points_needed(figure)),
            code=fingerprint("tables", f"tables.{tables.MODULES[figure]}"),
        shell:
            "python -m jamming tabulate {params.figure} --settings {params.settings:q} --points {params.points:q}"
            f" --preset {{params.preset:q}} --results {RESULTS} --out {{output:q}} > {{log:q}} 2>&1"
