# Measure observables on trained networks, with the modules of `observables`. Editing one module never trains a network
# or measures another observable.

OBSERVABLES = inventory.observables()


rule measure:
    input:
        run=f"{RESULTS}/{layout.RUN}",
        data=lambda wildcards: [dataset_of(wildcards)] if OBSERVABLES[wildcards.kind].reads_data else [],
    output:
        f"{RESULTS}/{layout.OBSERVABLE}",
    log:
        f"{RESULTS}/logs/{layout.JOBS['measure']}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{layout.JOBS['measure']}.tsv"
    wildcard_constraints:
        kind="|".join(kind for kind in OBSERVABLES if not OBSERVABLES[kind].of_sweep),
    conda:
        "../../envs/analysis.yaml"
    threads: threads_of("measure")
    resources:
        **resources_of("measure"),
    params:
        settings=lambda wildcards: settings(*OBSERVABLES[wildcards.kind].settings),
        code=lambda wildcards: fingerprint(f"observables.{wildcards.kind}"),
        data=lambda wildcards, input: ["--data", *input.data] if input.data else [],
    shell:
        "python -m jamming measure {wildcards.kind} --settings {params.settings:q} --run {input.run:q} {params.data:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"


# An observable that takes less time than starting Python is measured by one job for all points of a sweep. The job
# writes one file for each point. Wildcards cannot express this number of files, so there is one rule for each sweep.
for kind, sweep in [(kind, sweep) for kind in OBSERVABLES if OBSERVABLES[kind].of_sweep for sweep in SWEEPS]:

    rule:
        name:
            f"measure_{kind}_{sweep}"
        input:
            run=results_of("runs", sweep),
            data=dataset_of_sweep(sweep) if OBSERVABLES[kind].reads_data else [],
        output:
            results_of(kind, sweep),
        log:
            f"{RESULTS}/logs/{layout.JOBS['measure_sweep'].format(kind=kind, sweep=sweep)}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{layout.JOBS['measure_sweep'].format(kind=kind, sweep=sweep)}.tsv"
        group:
            "observables"
        conda:
            "../../envs/analysis.yaml"
        threads: threads_of("measure_sweep")
        resources:
            **resources_of("measure_sweep"),
        params:
            kind=kind,
            settings=settings(*OBSERVABLES[kind].settings),
            code=fingerprint(f"observables.{kind}"),
            run=lambda wildcards, input: words_of(input.run),
            data=lambda wildcards, input: ["--data", input.data] if input.data else [],
            out=lambda wildcards, output: words_of(output),
        shell:
            "python -m jamming measure {params.kind} --settings {params.settings:q} --run {params.run} {params.data:q}"
            " --threads {threads} --out {params.out} > {log:q} 2>&1"
