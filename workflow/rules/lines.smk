# Find the lines N*(P): one job searches N* for all replicas of a point. A killed job goes on as training does.


rule find_transition:
    input:
        data=line_data,
    output:
        f"{RESULTS}/{layout.LINE}",
    log:
        f"{RESULTS}/logs/{layout.JOBS['find_transition']}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{layout.JOBS['find_transition']}.tsv"
    priority: lambda wildcards: longest_first(line_point_of(wildcards), first_network_of(wildcards), WIDTHS_TRIED)
    conda:
        "../../envs/train-gpu.yaml" if config["device"] == "cuda" else "../../envs/train.yaml"
    threads: threads_of("find_transition")
    resources:
        **resources_of("find_transition"),
    params:
        spec=lambda wildcards: line_point_of(wildcards).to_json(),
        data=lambda wildcards, input: ["--data", *input.data] if input.data else [],
        code=lambda wildcards: fingerprint("training.width_search", f"datasets.{line_point_of(wildcards).dataset}"),
        # Not compared with earlier runs: another device or backend is no reason to train again.
        device=lambda wildcards, output: config["device"],
        backend=lambda wildcards, output: config["backend"],
    shell:
        # exec replaces the shell by Python, so that a signal reaches Python, which saves its state.
        "exec python -m jamming find-transition --spec {params.spec:q} {params.data:q}"
        " --device {params.device:q} --backend {params.backend:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"
