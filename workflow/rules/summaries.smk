# Summarise single sweeps, to compare sizes and protocols: results/PRESET/summaries/SWEEP.json.


rule summarise_sweep:
    input:
        results_of_sweep,
    output:
        f"{RESULTS}/{layout.SUMMARY}",
    log:
        f"{RESULTS}/logs/summaries/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/summaries/{{sweep}}.tsv"
    conda:
        "../../envs/claims.yaml"
    threads: threads_of("measure_claims")
    resources:
        **resources_of("measure_claims"),
    params:
        preset=config["preset"],
        settings=settings("max_loss", "n_bootstrap", "seed"),
        inputs=lambda wildcards, input: words_of(input),
        code=fingerprint("claims.summary", "claims.sizes"),
    shell:
        "python -m jamming summarise-sweep {wildcards.sweep:q} --settings {params.settings:q} --inputs {params.inputs}"
        " --preset {params.preset:q} --out {output:q} > {log:q} 2>&1"
