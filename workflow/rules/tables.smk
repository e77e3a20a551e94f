# Exactly what each figure draws, and nothing else: the released data.

from jamming import tables


def table_name(figure):
    """fig6 → fig6, generalization/fig3 → generalization_fig3: rule names have no slash."""
    return "_".join(Path(figure).parts)


def points_needed(figure):
    """The names of the points of each sweep that a figure reads."""
    sweeps = sorted({sweep for needed in tables.needs(figure).values() for sweep in needed})
    missing = [sweep for sweep in sweeps if sweep not in SWEEPS]
    if missing:
        raise WorkflowError(f"Figure {figure} needs the sweep '{missing[0]}', which the config does not have; add it.")
    return {sweep: list(SWEEPS[sweep]) for sweep in sweeps}


def results_needed(figure):
    """The files a table is made from."""
    points = points_needed(figure)
    return [
        f"{RESULTS}/{'runs' if kind == 'runs' else f'observables/{kind}'}/{sweep}/{point}.h5"
        for kind, sweeps in tables.needs(figure).items()
        for sweep in sweeps
        for point in points[sweep]
    ]


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
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            figure=figure,
            preset=config["preset"],
            settings=settings("drawn_network", "max_loss", "n_bootstrap", "seed"),
            points=lambda wildcards, figure=figure: canonical(points_needed(figure)),
            code=fingerprint("tables", f"tables.{tables.MODULES[figure]}"),
        shell:
            "python -m jamming tabulate {params.figure} --settings {params.settings:q} --points {params.points:q}"
            f" --preset {{params.preset:q}} --results {RESULTS} --out {{output:q}} > {{log:q}} 2>&1"
