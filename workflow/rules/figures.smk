# Draw every figure from its table alone. With `reference`, the tables are there already, and nothing is trained.

from jamming.documents.captions import PAPERS, caption_of, restructured

FIGURE_FILES = [f"figures/{figure}.pdf" for figure in FIGURES if can_be_drawn(figure)]


rule draw:
    input:
        table=f"{SHOWN}/{layout.TABLE}",
    output:
        pdf="figures/{figure}.pdf",
        svg=report(
            "figures/{figure}.svg",
            caption="../report/figure.rst",
            category=lambda wildcards: PAPERS[caption_of(wildcards.figure).paper],
            subcategory=lambda wildcards: caption_of(wildcards.figure).topic,
            labels=lambda wildcards: caption_of(wildcards.figure).labels,
        ),
    log:
        f"{RESULTS}/logs/{layout.JOBS['draw']}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{layout.JOBS['draw']}.tsv"
    group:
        "figures"
    conda:
        "../../envs/figures.yaml"
    threads: threads_of("draw")
    resources:
        **resources_of("draw"),
    params:
        # For the report. Not compared with earlier runs, since the caption is not in the figure.
        caption=lambda wildcards, output: restructured(caption_of(wildcards.figure).caption),
        code=lambda wildcards: fingerprint(
            "figures", f"figures.{inventory.module_of(wildcards.figure)}", "provenance.stamp"
        ),
        style=hash_of("workflow/jamming/figures/style.mplstyle"),
    shell:
        "python -m jamming draw {wildcards.figure} --table {input.table:q} --out {output.pdf:q} {output.svg:q}"
        " > {log:q} 2>&1"
