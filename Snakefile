# The jamming transition of neural networks: every figure of [G] arXiv:1809.09349 and [S] arXiv:1810.09665.
#
#   generate_data ─▶ train ─┬▶ measure_gaps ──────────┐
#                           ├▶ measure_preactivations ┼▶ tabulate_figN ─▶ draw_figN ─▶ figures/figN.pdf
#                           ├▶ measure_spectra ───────┤
#                           └▶ measure_effective ─────┤
#   find_transition (descent in width) ───────────────┘
#
#   snakemake --cores 8                                          all figures, preset "quick"
#   snakemake --cores 8 figures/fig6.pdf                         one figure
#   snakemake --cores 8 figures/fig6.pdf --config preset=smoke   another size
#   snakemake --cores 8 paper notebook                           paper/jamming.pdf, results/quick/explore.html
#   snakemake --report results/quick/report.html                 the HTML report of what was made
#   snakemake -n -q rules                                        what would run

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"


# Later files override earlier ones; --configfile and --config override them all.
configfile: config_path("config.yaml")
configfile: preset_path(config)


config.update(with_numbers(config))
SWEEPS = checked_sweeps(config)
LINES = checked_lines(config)
RESULTS = f"results/{config['preset']}"


include: "workflow/rules/resources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/lines.smk"
include: "workflow/rules/observables.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/paper.smk"


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
        f"{RESULTS}/explore.html",
