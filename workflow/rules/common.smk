# Helpers of the rules: the checked configuration, the points of a sweep, the code behind a result.

import hashlib
import json
import os
import shlex
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))

from jamming import claims, inventory, tables
from jamming.claims import summary
from jamming.config import ConfigError, checked, preset_file, read_lines, read_points
from jamming.plain_values import read_file
from jamming.planning.cost import WIDTHS_TRIED, memory_of_measurement
from jamming.training.widths import first_width
from jamming.storage import layout
from jamming.storage.files import StoreError, write_whole
from jamming.storage.fingerprint import fingerprint

# Jobs ask for the same code again and again, and it does not change while Snakemake plans.
fingerprint = cache(partial(fingerprint, known={}))
from jamming.storage.sums import check_sums

if any(brace in str(workflow.basedir) for brace in "{}"):
    raise WorkflowError(
        f"{workflow.basedir}: Snakemake takes braces in the path of a workflow for wildcards; rename the folder."
    )

if not os.access(".snakemake" if os.path.isdir(".snakemake") else ".", os.W_OK):
    raise WorkflowError(
        f"{os.getcwd()} cannot be written, so neither can results; give another folder with --directory."
    )

# Jobs find the package through this line, also in an environment that does not have it installed. They import nothing
# from the folder they work in: a module that was unpacked there must not run.
shell.prefix(
    f"export PYTHONPATH={shlex.quote(str(Path(workflow.basedir) / 'workflow'))} PYTHONNOUSERSITE=1 PYTHONSAFEPATH=1; "
)

# Others must not be able to write to files that a job makes, whatever the umask of the shell is.
os.umask(os.umask(0o077) | 0o002)


wildcard_constraints:
    point=r"P\d+(_h\d+)?",
    line=r"[A-Za-z]\w*",
    sweep=r"[A-Za-z]\w*",
    figure="|".join(inventory.figures()),
    group="|".join(inventory.claim_groups()),


def config_path(name):
    """The path of a file in config/. It does not depend on the folder in which Snakemake was started."""
    return str(Path(workflow.basedir) / "config" / name)


def preset_path(config):
    """The path of the preset's file. Raises WorkflowError with one sentence for an unknown preset."""
    try:
        return str(preset_file(config["preset"], Path(config_path("presets"))))
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def checked_config(config):
    """The configuration with each value of its declared type.

    Raises WorkflowError with one sentence for a mistake, and for a file that would make Snakemake run Python.
    """
    try:
        for file in workflow.overwrite_configfiles:
            read_file(file)
        return checked(config)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def checked_sweeps(config):
    """The points of each sweep by name. Raises WorkflowError with one sentence for a mistake."""
    try:
        return read_points(config)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def checked_lines(config):
    """The points of each line N*(P) by name. Raises WorkflowError with one sentence for a mistake."""
    try:
        return read_lines(config)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def reference_folder(config):
    """The folder with tables to draw without training, or "". Raises WorkflowError if it cannot be used."""
    if not config["reference"]:
        return ""
    folder = Path(config["reference"])
    if folder.resolve() == Path(f"results/{config['preset']}").resolve():
        raise WorkflowError(f"config: reference is '{folder}', which this preset makes itself; leave reference empty.")
    if any(brace in str(folder) for brace in "{}"):
        raise WorkflowError(f"config: reference is '{folder}', but Snakemake takes braces for wildcards; rename it.")
    # os.path.isdir is false for a path that the system refuses; Path.is_dir would raise.
    if not os.path.isdir(folder / "tables"):
        raise WorkflowError(
            f"config: reference is '{folder}', but there is no folder {folder}/tables; restore an archive, "
            "or leave reference empty to train."
        )
    try:
        check_sums(folder, "tables")
    except StoreError as error:
        raise WorkflowError(f"config: reference is '{folder}', but {error}") from None
    return str(folder)


def released_config(config):
    """The effective configuration without the user's folder of MNIST, which has no influence on results."""
    return {**config, "mnist": {**config["mnist"], "path": ""}}


def hash_of(name):
    """A hash of a file of the project, as a parameter of rules that depend on its content but not on its path."""
    return hashlib.sha256((Path(workflow.basedir) / name).read_bytes()).hexdigest()[:16]


def canonical(values):
    """JSON with sorted keys, so that equal parameters always have the same text."""
    return json.dumps(values, sort_keys=True)


def settings(*names):
    """These keys of `analysis` (and `seed`) as JSON. A rule names only the keys it reads, so others never re-run it."""
    known = {**config["analysis"], "seed": config["seed"]}
    return canonical({name: known[name] for name in names})


def point_of(wildcards):
    points = SWEEPS.get(wildcards.sweep, {})
    if wildcards.point not in points:
        raise WorkflowError(
            f"The config has no point {wildcards.point} in a sweep '{wildcards.sweep}'; its sweeps are {', '.join(SWEEPS)}."
        )
    return points[wildcards.point]


def dataset_of(wildcards):
    return dataset_file(point_of(wildcards))


def dataset_of_sweep(sweep):
    """The dataset of a sweep. All its points share it, since its networks differ in width alone."""
    return dataset_file(next(iter(SWEEPS[sweep].values())))


def dataset_file(point):
    return f"{RESULTS}/{layout.DATASET}".format(dataset=point.dataset, dim=point.network.dim)


def line_point_of(wildcards):
    if wildcards.point not in LINES.get(wildcards.line, {}):
        raise WorkflowError(
            f"The config has no point {wildcards.point} on a line '{wildcards.line}'; its lines are {', '.join(LINES)}."
        )
    return LINES[wildcards.line][wildcards.point]


def first_network_of(wildcards):
    """The network with which the search of a line's point begins."""
    point = line_point_of(wildcards)
    return point.network(first_width(point))


def line_data(wildcards):
    """The dataset of a line's point: a file for MNIST, none for random patterns.

    The job draws random patterns itself, since their dimension may be the width that it tries.
    """
    point = line_point_of(wildcards)
    data = f"{RESULTS}/{layout.DATASET}".format(dataset=point.dataset, dim=point.dim)
    return [data] if point.dataset == "mnist" else []


def results_of(kind, name):
    """The files of all points of a sweep or line, by kind: "runs", "lines" or an observable."""
    return [f"{RESULTS}/{layout.result_of(kind, name, point)}" for point in (SWEEPS | LINES)[name]]


def results_there(needs):
    """The files that `needs` = {kind: sweeps} names, for the sweeps and lines that the config has."""
    known = SWEEPS | LINES
    return [path for kind, names in needs.items() for name in names if name in known for path in results_of(kind, name)]


def results_needed(figure):
    """The files from which a table is made. Raises WorkflowError if the config lacks one of its sweeps."""
    for name in sorted({name for names in NEEDS[figure].values() for name in names}):
        if name not in SWEEPS | LINES and not (config["only"] and can_be_made(figure)):
            why = "only leaves out" if config["only"] else "the config does not have"
            raise WorkflowError(f"Figure {figure} needs '{name}', which {why}; add it.")
    return results_there(NEEDS[figure])


def can_be_made(figure):
    """Whether the config has the sweeps of a figure, or enough of them (`tables.can_be_made`)."""
    return tables.can_be_made(inventory.module_of(figure), [*SWEEPS, *LINES])


def all_results(wildcards):
    """Every file behind a table, and the trained runs behind every observable."""
    trained = {"lines": LINES, "runs": SWEEPS}
    names = {name for needed in NEEDS.values() for of_kind in needed.values() for name in of_kind}
    found = {path for kind, known in trained.items() for name in names & set(known) for path in results_of(kind, name)}
    return sorted(found.union(*(results_needed(figure) for figure in FIGURES)))


# Snakemake passes a whole command as one word, and Linux limits a word to 128 kB. This leaves room for the rest of it.
LONGEST_LIST = 100_000


def words_of(paths):
    """Paths as quoted words of a command. If they are too long, @FILE with a file that holds one path in each line."""
    text = " ".join(map(shlex.quote, paths))
    if len(text) < LONGEST_LIST:
        return text
    lines = "\n".join(paths)
    name = f".snakemake/inputs/{hashlib.sha256(lines.encode()).hexdigest()[:16]}.txt"
    write_whole(Path(name), lines.encode())
    return f"@{name}"


def needs_explored():
    """All runs and lines, and those of the page's observables that a figure needs as well."""
    measured = {
        kind: sorted({name for needed in NEEDS.values() for name in needed.get(kind, ())} & set(SWEEPS))
        for kind in ("gaps", "spectra")
    }
    return {"runs": SWEEPS, "lines": LINES, **measured}


def files_explored(wildcards):
    return results_there(needs_explored())


def tables_made_here(wildcards):
    if SHOWN != RESULTS:
        raise WorkflowError(
            f"The figures are drawn from reference '{SHOWN}', which was archived already; leave reference empty to archive."
        )
    return expand(f"{RESULTS}/{layout.TABLE}", figure=ARCHIVED)


def archived_beside_tables():
    """The claims and the paper's facts; for a part of the workflow (`only`), the summaries of its sweeps."""
    if not config["only"]:
        return [f"{RESULTS}/{name}" for name in (layout.CLAIMS, layout.CLAIMS_TABLE, layout.FACTS)]
    return expand(f"{RESULTS}/{layout.SUMMARY}", sweep=needs_explored()["spectra"])


def results_of_sweep(wildcards):
    """The runs of a sweep and their observables. Raises WorkflowError for an unknown sweep."""
    if wildcards.sweep not in SWEEPS:
        raise WorkflowError(f"The config has no sweep '{wildcards.sweep}'; its sweeps are {', '.join(SWEEPS)}.")
    return [path for kind in summary.KINDS for path in results_of(kind, wildcards.sweep)]


def can_be_drawn(figure):
    """Whether the table of a figure is in the reference, or can be made from the sweeps of the config."""
    if SHOWN != RESULTS:
        return Path(f"{SHOWN}/{layout.TABLE}".format(figure=figure)).exists()
    return not config["only"] or can_be_made(figure)


def claims_shown(wildcards):
    """The file of the claims about the shown results, or none: a reference may hold only tables."""
    file = f"{SHOWN}/{layout.CLAIMS}"
    return file if SHOWN == RESULTS or Path(file).exists() else []
