# One file for a data repository: tables, claims, figures, configuration and lock, described and checksummed.

PROJECT_FILES = [
    "LICENSE",
    "CITATION.cff",
    "config/config.yaml",
    f"config/presets/{config['preset']}.yaml",
    "envs/requirements.lock",
    "envs/requirements-torch.txt",
]


def released_files(wildcards):
    """What else was made and belongs to a release, where it was made: the claims."""
    names = ("claims.json", "claims.csv")
    return [f"{RESULTS}/{name}" for name in names if Path(f"{RESULTS}/{name}").exists()]


def tables_made_here(wildcards):
    if SHOWN != RESULTS:
        raise WorkflowError(
            f"The figures are drawn from reference '{SHOWN}', which was archived already; leave reference empty to archive."
        )
    return [f"{RESULTS}/tables/{figure}.h5" for figure in tables.MODULES]


rule archive:
    input:
        tables=tables_made_here,
        figures=[f"figures/{figure}.{suffix}" for figure in tables.MODULES for suffix in ("pdf", "svg")],
        also=released_files,
        project=PROJECT_FILES,
    output:
        f"{RESULTS}/jamming-{config['preset']}.zip",
    log:
        f"{RESULTS}/logs/archive.log",
    benchmark:
        f"{RESULTS}/benchmarks/archive.tsv"
    conda:
        "../../envs/release.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        preset=config["preset"],
        settings=canonical(released_config(config)),
        also=lambda wildcards, input: ["--also", *input.also] if input.also else [],
        code=fingerprint("release.archive"),
    shell:
        "python -m jamming archive --preset {params.preset:q} --settings {params.settings:q} --figures figures"
        f" --results {RESULTS} --project {{input.project:q}} {{params.also:q}} --out {{output:q}} > {{log:q}} 2>&1"
