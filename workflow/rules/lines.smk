# The lines N*(P): one job for all replicas of a point, each a descent in width. Resumes like training.


rule find_transition:
    input:
        data=line_data,
    output:
        f"{RESULTS}/{layout.LINE}",
    log:
        f"{RESULTS}/logs/lines/{{line}}/{{point}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/lines/{{line}}/{{point}}.tsv"
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
        # Where it runs is not what it is: not compared with earlier runs.
        device=lambda wildcards, output: config["device"],
        backend=lambda wildcards, output: config["backend"],
    shell:
        # exec: a signal that is to make the job save its state reaches Python, and no shell ends before it.
        "exec python -m jamming find-transition --spec {params.spec:q} {params.data:q}"
        " --device {params.device:q} --backend {params.backend:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"
