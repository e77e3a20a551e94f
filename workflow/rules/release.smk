# Make one file for a data repository: tables, claims, figures, configuration and lock, with metadata and checksums.

PROJECT_FILES = [
    "LICENSE",
    "CITATION.cff",
    "config/config.yaml",
    f"config/presets/{config['preset']}.yaml",
    "envs/requirements.lock",
    "envs/requirements-torch.txt",
]
ARCHIVED = [figure for figure in FIGURES if can_be_drawn(figure)]


rule archive:
    input:
        tables=tables_made_here,
        figures=[f"figures/{figure}.{suffix}" for figure in ARCHIVED for suffix in ("pdf", "svg")],
        also=archived_beside_tables(),
        project=PROJECT_FILES,
    output:
        f"{RESULTS}/{layout.ARCHIVE}".format(preset=config["preset"]),
    log:
        f"{RESULTS}/logs/archive.log",
    benchmark:
        f"{RESULTS}/benchmarks/archive.tsv"
    conda:
        "../../envs/release.yaml"
    threads: threads_of("archive")
    resources:
        **resources_of("archive"),
    params:
        preset=config["preset"],
        names=ARCHIVED,
        settings=canonical(released_config(config)),
        code=fingerprint("release.archive"),
    shell:
        "python -m jamming archive --preset {params.preset:q} --settings {params.settings:q} --figures figures"
        " --names {params.names:q}"
        f" --results {RESULTS} --project {{input.project:q}} --also {{input.also:q}} --out {{output:q}} > {{log:q}} 2>&1"
