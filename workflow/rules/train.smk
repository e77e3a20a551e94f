# Train networks: one job trains all replicas of a point. A killed job goes on from its hidden resume file.


rule train:
    input:
        data=dataset_of,
    output:
        f"{RESULTS}/{layout.RUN}",
    log:
        f"{RESULTS}/logs/{layout.JOBS['train']}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{layout.JOBS['train']}.tsv"
    priority: lambda wildcards: longest_first(point_of(wildcards), point_of(wildcards).network)
    conda:
        "../../envs/train-gpu.yaml" if config["device"] == "cuda" else "../../envs/train.yaml"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        spec=lambda wildcards: point_of(wildcards).to_json(),
        code=fingerprint("training.loop"),
        # Not compared with earlier runs: another device or backend is no reason to train again.
        device=lambda wildcards, output: config["device"],
        backend=lambda wildcards, output: config["backend"],
    shell:
        # exec replaces the shell by Python, so that a signal reaches Python, which saves its state.
        "exec python -m jamming train --spec {params.spec:q} --data {input.data:q}"
        " --device {params.device:q} --backend {params.backend:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"
