# Measure every published number on our results, with an interval and a verdict. If the config lacks the sweeps of a
# claim, the claim is not testable; this is no error.


GROUPS = inventory.claim_groups()


rule measure_claims:
    input:
        lambda wildcards: results_there(claims.needs(wildcards.group)),
    output:
        f"{RESULTS}/{layout.CLAIMS_OF_GROUP}",
    log:
        f"{RESULTS}/logs/claims/{{group}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/{{group}}.tsv"
    conda:
        "../../envs/claims.yaml"
    threads: threads_of("measure_claims")
    resources:
        **resources_of("measure_claims"),
    params:
        preset=config["preset"],
        settings=settings("max_loss", "n_bootstrap", "seed"),
        inputs=lambda wildcards, input: words_of(input),
        code=lambda wildcards: fingerprint("claims.sizes", f"claims.{wildcards.group}"),
    shell:
        "python -m jamming measure-claims {wildcards.group} --settings {params.settings:q} --inputs {params.inputs}"
        " --preset {params.preset:q} --out {output:q} > {log:q} 2>&1"


rule collect_claims:
    input:
        claims="config/claims.yaml",
        schema="workflow/schemas/claims.schema.yaml",
        measured=expand(f"{RESULTS}/{layout.CLAIMS_OF_GROUP}", group=GROUPS),
    output:
        claims=f"{RESULTS}/{layout.CLAIMS}",
        table=report(
            f"{RESULTS}/{layout.CLAIMS_TABLE}",
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
