# The jamming transition of neural networks: every figure of [G] arXiv:1809.09349 and [S] arXiv:1810.09665.
#
#   generate_data ─▶ train ─┬▶ measure (gaps, preactivations, ─┬▶ tabulate ─▶ draw ─▶ figures/figN.pdf
#                           │           spectra, effective)    │
#                           └──────────────────────────────────┼▶ measure_claims ─▶ collect_claims ─▶ claims
#   find_transition (descent in width) ────────────────────────┘
#
#   snakemake --cores 8                                          all figures, preset "quick"
#   snakemake --cores 8 figures/fig6.pdf                         one figure
#   snakemake --cores 8 figures/fig6.pdf --config preset=smoke   another size
#   snakemake --cores 8 paper notebook                           paper/jamming.pdf, results/quick/explore.html
#   snakemake --report results/quick/report.html                 the HTML report of what was made
#   snakemake --cores 8 claims                                   a table of all claims with their verdicts
#   snakemake -n -q rules                                        the number of jobs that would run

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"


# Later files override earlier ones; --configfile and --config override them all.
configfile: config_path("config.yaml")
configfile: preset_path(config)


config.update(checked_config(config))
SWEEPS = checked_sweeps(config)
LINES = checked_lines(config)
RESULTS = f"results/{config['preset']}"
# The results that figures and documents show: those of this preset, or the tables of a reference.
SHOWN = reference_folder(config) or RESULTS


include: "workflow/rules/resources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/lines.smk"
include: "workflow/rules/observables.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/summaries.smk"
include: "workflow/rules/minimizers.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/release.smk"
include: "workflow/rules/front_page.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        FIGURE_FILES,


rule paper:
    input:
        "paper/jamming.pdf",


rule notebook:
    input:
        f"{RESULTS}/{layout.NOTEBOOK}",


rule explorer:
    input:
        f"{RESULTS}/{layout.EXPLORER}",


# This rule makes no file, so that it always runs and prints the table. A benchmark would be a file, so it has none.
rule claims:
    input:
        f"{RESULTS}/{layout.CLAIMS}",
    log:
        f"{RESULTS}/logs/claims/show.log",
    conda:
        "envs/claims.yaml"
    threads: threads_of("claims")
    resources:
        **resources_of("claims"),
    shell:
        "python -m jamming show-claims {input:q} 2> {log:q}"


# The last words of `make`. This rule makes no file, so that it always runs (see above).
rule made:
    input:
        claims=claims_shown,
        figures=FIGURE_DRAWINGS,
        page=f"{RESULTS}/{layout.FRONT_PAGE}",
    log:
        f"{RESULTS}/logs/made.log",
    conda:
        "envs/paper.yaml"
    threads: threads_of("front_page")
    resources:
        **resources_of("front_page"),
    params:
        preset=config["preset"],
    shell:
        "python -m jamming show-made --preset {params.preset:q} --claims {input.claims:q} --figures {input.figures:q}"
        " --page {input.page:q} 2> {log:q}"
