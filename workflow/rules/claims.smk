# Every published number measured on our results, with an interval and a verdict. A claim whose sweeps the config does
# not have is not testable, and no error.


for group in claims.GROUPS:

    rule:
        name:
            f"measure_claims_{group}"
        input:
            # The loop's variable is bound now, not when the function is called.
            lambda wildcards, group=group: results_for_claims(group),
        output:
            f"{RESULTS}/claims/{group}.json",
        log:
            f"{RESULTS}/logs/claims/{group}.log",
        benchmark:
            f"{RESULTS}/benchmarks/claims/{group}.tsv"
        conda:
            "../../envs/claims.yaml"
        threads: threads_of("measure_claims")
        resources:
            **resources_of("measure_claims"),
        params:
            group=group,
            preset=config["preset"],
            settings=settings("max_loss", "n_bootstrap", "seed"),
            points=lambda wildcards, group=group: canonical(points_for_claims(group)),
            code=fingerprint("claims.sizes", f"claims.{group}"),
        shell:
            "python -m jamming measure-claims {params.group} --settings {params.settings:q} --points {params.points:q}"
            f" --preset {{params.preset:q}} --results {RESULTS} --out {{output:q}} > {{log:q}} 2>&1"


rule collect_claims:
    input:
        claims=config_path("claims.yaml"),
        schema="workflow/schemas/claims.schema.yaml",
        measured=[f"{RESULTS}/claims/{group}.json" for group in claims.GROUPS],
    output:
        claims=f"{RESULTS}/claims.json",
        table=report(
            f"{RESULTS}/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"Claims": "all"},
        ),
    log:
        f"{RESULTS}/logs/claims/collect.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/collect.tsv"
    conda:
        "../../envs/claims.yaml"
    threads: threads_of("collect_claims")
    resources:
        **resources_of("collect_claims"),
    params:
        preset=config["preset"],
        code=fingerprint("claims.catalogue", "claims.collection"),
    shell:
        "python -m jamming collect-claims --claims {input.claims:q} --measured {input.measured:q}"
        " --preset {params.preset:q} --out {output.claims:q} --table {output.table:q} > {log:q} 2>&1"
