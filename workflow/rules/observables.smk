# What is measured on trained networks. Each observable stands alone: editing one never trains or measures another.

# What takes less time than to start Python is one job for all points of a sweep, which still writes a file for each.
for sweep, points in SWEEPS.items():

    rule:
        name:
            f"measure_gaps_{sweep}"
        input:
            runs=[result_of("runs", sweep, point) for point in points],
        output:
            [result_of("gaps", sweep, point) for point in points],
        log:
            f"{RESULTS}/logs/gaps/{sweep}.log",
        benchmark:
            f"{RESULTS}/benchmarks/gaps/{sweep}.tsv"
        group:
            "observables"
        conda:
            "../../envs/analysis.yaml"
        threads: threads_of("measure_gaps")
        resources:
            **resources_of("measure_gaps"),
        params:
            settings=settings("theta_range", "gamma_range"),
            code=fingerprint("observables.gaps"),
        shell:
            "python -m jamming measure-gaps --settings {params.settings:q} --run {input.runs:q}"
            " --threads {threads} --out {output:q} > {log:q} 2>&1"

    rule:
        name:
            f"measure_preactivations_{sweep}"
        input:
            runs=[result_of("runs", sweep, point) for point in points],
            data=dataset_of_sweep(sweep),
        output:
            [result_of("preactivations", sweep, point) for point in points],
        log:
            f"{RESULTS}/logs/preactivations/{sweep}.log",
        benchmark:
            f"{RESULTS}/benchmarks/preactivations/{sweep}.tsv"
        group:
            "observables"
        conda:
            "../../envs/analysis.yaml"
        threads: threads_of("measure_preactivations")
        resources:
            **resources_of("measure_preactivations"),
        params:
            settings=settings("cusp_threshold"),
            code=fingerprint("observables.preactivations"),
        shell:
            "python -m jamming measure-preactivations --settings {params.settings:q} --run {input.runs:q}"
            " --data {input.data:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule measure_spectra:
    input:
        run=f"{RESULTS}/runs/{{sweep}}/{{point}}.h5",
        data=dataset_of,
    output:
        f"{RESULTS}/observables/spectra/{{sweep}}/{{point}}.h5",
    log:
        f"{RESULTS}/logs/spectra/{{sweep}}/{{point}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/spectra/{{sweep}}/{{point}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: threads_of("measure_spectra")
    resources:
        **resources_of("measure_spectra"),
    params:
        settings=settings("max_loss", "max_spectra"),
        code=fingerprint("observables.spectra"),
    shell:
        "python -m jamming measure-spectra --settings {params.settings:q} --run {input.run:q}"
        " --data {input.data:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule measure_effective:
    input:
        run=f"{RESULTS}/runs/{{sweep}}/{{point}}.h5",
        data=dataset_of,
    output:
        f"{RESULTS}/observables/effective/{{sweep}}/{{point}}.h5",
    log:
        f"{RESULTS}/logs/effective/{{sweep}}/{{point}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/effective/{{sweep}}/{{point}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: threads_of("measure_effective")
    resources:
        **resources_of("measure_effective"),
    params:
        code=fingerprint("observables.effective"),
    shell:
        "python -m jamming measure-effective --run {input.run:q} --data {input.data:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"
