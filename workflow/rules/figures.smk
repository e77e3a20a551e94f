# One rule per published figure, drawn from its table alone: ours, or one of `reference`, for which nothing is trained.

from jamming.documents.captions import PAPERS, caption_of, restructured

FIGURE_FILES = [f"figures/{figure}.pdf" for figure in tables.MODULES if can_be_drawn(figure)]


for figure in tables.MODULES:

    rule:
        name:
            f"draw_{table_name(figure)}"
        input:
            table=f"{SHOWN}/tables/{figure}.h5",
        output:
            pdf=f"figures/{figure}.pdf",
            svg=report(
                f"figures/{figure}.svg",
                caption="../report/figure.rst",
                category=PAPERS[caption_of(figure).paper],
                subcategory=caption_of(figure).topic,
                labels=caption_of(figure).labels,
            ),
        log:
            f"{RESULTS}/logs/figures/{figure}.log",
        benchmark:
            f"{RESULTS}/benchmarks/figures/{figure}.tsv"
        group:
            "figures"
        conda:
            "../../envs/figures.yaml"
        threads: threads_of("draw")
        resources:
            **resources_of("draw"),
        params:
            figure=figure,
            # For the report; not compared with earlier runs: the caption is not in the figure.
            caption=lambda wildcards, output, figure=figure: restructured(caption_of(figure).caption),
            code=fingerprint("figures", f"figures.{tables.MODULES[figure]}", "provenance.stamp"),
            style=hash_of("workflow/jamming/figures/style.mplstyle"),
        shell:
            "python -m jamming draw {params.figure} --table {input.table:q} --out {output.pdf:q} {output.svg:q}"
            " > {log:q} 2>&1"
