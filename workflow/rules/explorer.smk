# Make one page that shows every run: `snakemake --cores 2 explorer`.


rule draw_explorer:
    input:
        results=files_explored,
        # The fingerprint covers Python modules only, so these scripts are inputs.
        scripts=[f"workflow/jamming/explorer/{name}.js" for name in ("select", "filter", "colour")],
    output:
        f"{RESULTS}/{layout.EXPLORER}",
    log:
        f"{RESULTS}/logs/explorer.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer.tsv"
    conda:
        "../../envs/explorer.yaml"
    threads: threads_of("draw_explorer")
    resources:
        **resources_of("draw_explorer"),
    params:
        preset=config["preset"],
        inputs=lambda wildcards, input: words_of(input.results),
        code=fingerprint("explorer.page"),
    shell:
        "python -m jamming explore --preset {params.preset:q} --inputs {params.inputs} --out {output:q} > {log:q} 2>&1"
