# Make the paper and a notebook. `make gallery` makes the gallery, and `snakemake --report` the report.

PAPER_SOURCES = [
    f"paper/{name}"
    for name in (
        "main.typ",
        "abstract.typ",
        "text.typ",
        "question.typ",
        "methods.typ",
        "claims.typ",
        "results.typ",
        "conclusion.typ",
        "references.bib",
    )
]


rule collect_facts:
    input:
        results=all_results,
        tables=expand(f"{RESULTS}/{layout.TABLE}", figure=FIGURES),
        claims=f"{RESULTS}/{layout.CLAIMS}",
        captions="workflow/jamming/documents/captions.yaml",
    output:
        f"{RESULTS}/{layout.FACTS}",
    log:
        f"{RESULTS}/logs/paper/facts.log",
    benchmark:
        f"{RESULTS}/benchmarks/paper/facts.tsv"
    conda:
        "../../envs/paper.yaml"
    threads: threads_of("collect_facts")
    resources:
        **resources_of("collect_facts"),
    params:
        preset=config["preset"],
        inputs=lambda wildcards, input: words_of(input.results),
        code=fingerprint("documents.paper_values"),
    shell:
        "python -m jamming collect-facts --preset {params.preset:q} --tables {input.tables:q} --inputs {params.inputs}"
        " --claims {input.claims:q} --out {output:q} > {log:q} 2>&1"


rule typeset_paper:
    input:
        main="paper/main.typ",
        sources=PAPER_SOURCES,
        facts=f"{SHOWN}/{layout.FACTS}",
        figures=FIGURE_FILES,
    output:
        report("paper/jamming.pdf", caption="../report/paper.rst", category="Documents", labels={"Document": "Paper"}),
    log:
        f"{RESULTS}/logs/paper/typeset.log",
    benchmark:
        f"{RESULTS}/benchmarks/paper/typeset.tsv"
    conda:
        "../../envs/paper.yaml"
    threads: threads_of("typeset_paper")
    resources:
        **resources_of("typeset_paper"),
    params:
        code=fingerprint("documents.typesetting"),
    shell:
        "python -m jamming typeset-paper --main {input.main:q} --facts {input.facts:q} --figures figures"
        " --out {output:q} > {log:q} 2>&1"


rule run_notebook:
    input:
        script="paper/explore.py",
        results=lambda wildcards: results_needed("fig6"),
    output:
        report(
            f"{RESULTS}/{layout.NOTEBOOK}",
            caption="../report/explore.rst",
            category="Documents",
            labels={"Document": "Notebook"},
        ),
    log:
        f"{RESULTS}/logs/paper/explore.log",
    benchmark:
        f"{RESULTS}/benchmarks/paper/explore.tsv"
    conda:
        "../../envs/paper.yaml"
    threads: threads_of("run_notebook")
    resources:
        **resources_of("run_notebook"),
    params:
        code=fingerprint("documents.notebook", "figures", "figures.fig6", "tables", "tables.fig6"),
    shell:
        f"python -m jamming run-notebook --script {{input.script:q}} --results {RESULTS} --out {{output:q}}"
        " > {log:q} 2>&1"
