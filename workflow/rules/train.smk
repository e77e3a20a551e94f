# Training: one job for all replicas of a point. A killed job goes on from its hidden resume file.


rule train:
    input:
        data=dataset_of,
    output:
        f"{RESULTS}/{layout.RUN}",
    log:
        f"{RESULTS}/logs/train/{{sweep}}/{{point}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{sweep}}/{{point}}.tsv"
    priority: lambda wildcards: longest_first(point_of(wildcards), point_of(wildcards).network)
    conda:
        "../../envs/train-gpu.yaml" if config["device"] == "cuda" else "../../envs/train.yaml"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        spec=lambda wildcards: point_of(wildcards).to_json(),
        code=fingerprint("training.loop"),
        # Where it runs is not what it is: not compared with earlier runs.
        device=lambda wildcards, output: config["device"],
        backend=lambda wildcards, output: config["backend"],
    shell:
        # exec: a signal that is to make the job save its state reaches Python, and no shell ends before it.
        "exec python -m jamming train --spec {params.spec:q} --data {input.data:q}"
        " --device {params.device:q} --backend {params.backend:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"
