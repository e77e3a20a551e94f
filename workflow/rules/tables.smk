# Make the table of each figure: exactly the numbers that it draws. The tables are the released data.

FIGURES = inventory.figures()
NEEDS = {figure: tables.needs(inventory.module_of(figure)) for figure in FIGURES}


rule tabulate:
    input:
        lambda wildcards: results_needed(wildcards.figure),
    output:
        f"{RESULTS}/{layout.TABLE}",
    log:
        f"{RESULTS}/logs/{layout.JOBS['tabulate']}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{layout.JOBS['tabulate']}.tsv"
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
