# Make each dataset (inputs and labels) once.


rule fetch_mnist:
    output:
        "results/mnist/pixels.h5",
    log:
        "results/mnist/fetch.log",
    benchmark:
        "results/mnist/fetch.tsv"
    priority: FIRST
    # On a cluster only the login node has access to the network.
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: threads_of("fetch_mnist")
    resources:
        **resources_of("fetch_mnist"),
    params:
        # Not compared with earlier runs, since pixels from every source have the same checksum.
        path=lambda wildcards, output: config["mnist"]["path"],
        mirrors=lambda wildcards, output: [f"--mirror={mirror}" for mirror in config["mnist"]["mirrors"]],
    shell:
        "python -m jamming fetch-mnist --path={params.path:q} {params.mirrors:q}"
        " --cache results/mnist/download --out {output:q} > {log:q} 2>&1"


rule generate_data:
    input:
        pixels=lambda wildcards: ["results/mnist/pixels.h5"] if wildcards.dataset == "mnist" else [],
    output:
        f"{RESULTS}/{layout.DATASET}",
    log:
        f"{RESULTS}/logs/{layout.JOBS['generate_data']}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{layout.JOBS['generate_data']}.tsv"
    wildcard_constraints:
        dataset="|".join(inventory.datasets()),
        dim=r"\d+",
    priority: FIRST
    group:
        "data"
    conda:
        "../../envs/data.yaml"
    threads: threads_of("generate_data")
    resources:
        **resources_of("generate_data"),
    params:
        spec=lambda wildcards: canonical(
            {
                "dataset": wildcards.dataset,
                "dim": int(wildcards.dim),
                "seed": config["seed"],
                "n_patterns": None if wildcards.dataset == "mnist" else config["random"]["n_patterns"],
            }
        ),
        pixels=lambda wildcards, input: ["--pixels", input.pixels] if input.pixels else [],
        code=lambda wildcards: fingerprint("datasets", f"datasets.{wildcards.dataset}"),
    shell:
        "python -m jamming generate-data --spec {params.spec:q} {params.pixels:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"
