# Exactly what each figure draws, and nothing else: the released data.

FIGURES = inventory.figures()
NEEDS = {figure: tables.needs(inventory.module_of(figure)) for figure in FIGURES}


def results_needed(figure):
    """The files a table is made from."""
    for name in sorted({name for names in NEEDS[figure].values() for name in names}):
        if name not in SWEEPS | LINES and not (config["only"] and can_be_made(figure)):
            why = "only leaves out" if config["only"] else "the config does not have"
            raise WorkflowError(f"Figure {figure} needs '{name}', which {why}; add it.")
    return results_there(NEEDS[figure])


def can_be_made(figure):
    """Whether the config has what a figure needs, or enough of it."""
    return tables.can_be_made(inventory.module_of(figure), [*SWEEPS, *LINES])


def all_results(wildcards):
    """Every file behind a table, and the trained runs behind every observable."""
    trained = {"lines": LINES, "runs": SWEEPS}
    names = {name for needed in NEEDS.values() for of_kind in needed.values() for name in of_kind}
    found = {path for kind, known in trained.items() for name in names & set(known) for path in results_of(kind, name)}
    return sorted(found.union(*(results_needed(figure) for figure in FIGURES)))


rule tabulate:
    input:
        lambda wildcards: results_needed(wildcards.figure),
    output:
        f"{RESULTS}/{layout.TABLE}",
    log:
        f"{RESULTS}/logs/tables/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{figure}}.tsv"
    group:
        submission_of("figures")
    conda:
        "../../envs/analysis.yaml"
    threads: threads_of("tabulate")
    resources:
        **resources_of("tabulate"),
    params:
        preset=config["preset"],
        settings=settings("drawn_network", "max_loss", "n_bootstrap", "seed"),
        inputs=lambda wildcards, input: words_of(input),
        code=lambda wildcards: fingerprint("tables", f"tables.{inventory.module_of(wildcards.figure)}"),
    shell:
        "python -m jamming tabulate {wildcards.figure} --settings {params.settings:q} --inputs {params.inputs}"
        " --preset {params.preset:q} --out {output:q} > {log:q} 2>&1"
