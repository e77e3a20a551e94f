# One rule per published figure, drawn from its table alone.

FIGURE_FILES = [f"figures/{figure}.pdf" for figure in tables.MODULES]


for figure in tables.MODULES:

    rule:
        name:
            f"draw_{table_name(figure)}"
        input:
            table=f"{RESULTS}/tables/{figure}.h5",
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
            style=hash_of("workflow/jamming/figures/style.mplstyle"),
            code=fingerprint("figures", f"figures.{tables.MODULES[figure]}"),
        shell:
            "python -m jamming draw {params.figure} --table {input.table:q} --out {output.pdf:q} {output.svg:q}"
            " > {log:q} 2>&1"
