# One rule per published figure, drawn from its table alone: ours, or one of `reference`, for which nothing is trained.

FIGURE_FILES = [f"figures/{figure}.pdf" for figure in tables.MODULES]


for figure in tables.MODULES:

    rule:
        name:
            f"draw_{table_name(figure)}"
        input:
            table=f"{SHOWN}/tables/{figure}.h5",
            style="workflow/jamming/figures/style.mplstyle",
        output:
            pdf=f"figures/{figure}.pdf",
            svg=f"figures/{figure}.svg",
        log:
            f"{RESULTS}/logs/figures/{figure}.log",
        benchmark:
            f"{RESULTS}/benchmarks/figures/{figure}.tsv"
        conda:
            "../../envs/figures.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            figure=figure,
            code=fingerprint("figures", f"figures.{tables.MODULES[figure]}", "provenance.stamp"),
        shell:
            "python -m jamming draw {params.figure} --table {input.table:q} --out {output.pdf:q} {output.svg:q}"
            " > {log:q} 2>&1"
