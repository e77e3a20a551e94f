# Make the front page of a set of results: `results/PRESET/index.html`.

FIGURE_DRAWINGS = [f"figures/{figure}.svg" for figure in FIGURES if can_be_drawn(figure)]


rule front_page:
    input:
        claims=claims_shown,
        figures=FIGURE_DRAWINGS,
        captions="workflow/jamming/documents/captions.yaml",
        style="workflow/jamming/documents/front_page.css",
    output:
        f"{RESULTS}/{layout.FRONT_PAGE}",
    log:
        f"{RESULTS}/logs/front_page.log",
    benchmark:
        f"{RESULTS}/benchmarks/front_page.tsv"
    conda:
        "../../envs/paper.yaml"
    threads: threads_of("front_page")
    resources:
        **resources_of("front_page"),
    params:
        preset=config["preset"],
        code=fingerprint("documents.front_page"),
    shell:
        "python -m jamming front-page --preset {params.preset:q} --claims {input.claims:q} --figures {input.figures:q}"
        " --out {output:q} > {log:q} 2>&1"
