# Compare ways to minimize the hinge loss (docs/minimizers.md). No figure of the papers needs this; it runs on request.


rule compare_minimizers:
    input:
        study="config/minimizers.yaml",
        data=f"{RESULTS}/data/mnist_d10.h5",
    output:
        "results/minimizers/comparison.h5",
    log:
        "results/minimizers/comparison.log",
    benchmark:
        "results/minimizers/comparison.tsv"
    conda:
        "../../envs/train.yaml"
    threads: threads_of("compare_minimizers")
    resources:
        **resources_of("compare_minimizers"),
    params:
        # Rows that are done stay here, whatever stops the job.
        rows="results/minimizers/rows.jsonl",
        code=fingerprint("minimizers.comparison"),
    shell:
        "python -m jamming compare-minimizers --study {input.study:q} --data {input.data:q}"
        " --rows {params.rows:q} --threads {threads} --out {output:q} > {log:q} 2>&1"
