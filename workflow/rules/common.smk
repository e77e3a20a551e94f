# Helpers of the rules: the checked configuration, the points of a sweep, the code behind a result.

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))

from jamming import claims
from jamming.claims import summary
from jamming.config import ConfigError, checked, preset_file, read_lines, read_points
from jamming.plain_values import read_file
from jamming.training.widths import first_width
from jamming.storage.files import StoreError
from jamming.storage.fingerprint import fingerprint
from jamming.storage.sums import check_sums

# Jobs find the package through this line, also in an environment that does not have it installed.
shell.prefix(f"export PYTHONPATH={shlex.quote(str(Path(workflow.basedir) / 'workflow'))} PYTHONNOUSERSITE=1; ")

# Nothing that a job makes can be written by everybody, whatever the shell allows.
os.umask(os.umask(0o077) | 0o002)


wildcard_constraints:
    point=r"P\d+(_h\d+)?",
    line=r"[A-Za-z]\w*",
    sweep=r"[A-Za-z]\w*",


def config_path(name):
    """A file of config/, wherever Snakemake was started."""
    return str(Path(workflow.basedir) / "config" / name)


def preset_path(config):
    """The preset's file, or one sentence."""
    try:
        return str(preset_file(config["preset"], Path(config_path("presets"))))
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def checked_config(config):
    """The configuration with each value of its declared type, or one sentence, also for a file that would run Python."""
    try:
        for file in workflow.overwrite_configfiles:
            read_file(file)
        return checked(config)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def checked_sweeps(config):
    """The points of each sweep by name, or one sentence."""
    try:
        return read_points(config)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def checked_lines(config):
    """The points of each line N*(P) by name, or one sentence."""
    try:
        return read_lines(config)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def reference_folder(config):
    """The folder whose tables are drawn without training, "" if there is none, or one sentence."""
    if not config["reference"]:
        return ""
    folder = Path(config["reference"])
    if folder.resolve() == Path(f"results/{config['preset']}").resolve():
        raise WorkflowError(f"config: reference is '{folder}', which this preset makes itself; leave reference empty.")
    if any(brace in str(folder) for brace in "{}"):
        raise WorkflowError(f"config: reference is '{folder}', but Snakemake takes braces for wildcards; rename it.")
    # isdir says no where a path cannot be asked for; Path.is_dir raises.
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
    """The effective configuration without the folder in which a user keeps MNIST, which says nothing about results."""
    return {**config, "mnist": {**config["mnist"], "path": ""}}


def hash_of(name):
    """The content of a file of the project, so that a rule depends on it wherever the project and results lie."""
    return hashlib.sha256((Path(workflow.basedir) / name).read_bytes()).hexdigest()[:16]


def canonical(values):
    """JSON with sorted keys: the one form in which a parameter is compared with what it was."""
    return json.dumps(values, sort_keys=True)


def settings(*names):
    """The named keys of `analysis` (and `seed`), and only those, so that a rule re-runs only for what it reads."""
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
    """The one that all points of a sweep are trained on: its networks differ in width alone."""
    return dataset_file(next(iter(SWEEPS[sweep].values())))


def dataset_file(point):
    return f"{RESULTS}/data/{point.dataset}_d{point.network.dim}.h5"


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
    """Random patterns are drawn by the job, since their dimension may be the width that is tried."""
    point = line_point_of(wildcards)
    return [f"{RESULTS}/data/mnist_d{point.dim}.h5"] if point.dataset == "mnist" else []


def result_of(kind, name, point):
    """Where the result of one point of a sweep or line lies, by its kind: "runs", "lines" or an observable."""
    return f"{RESULTS}/{kind if kind in ('runs', 'lines') else f'observables/{kind}'}/{name}/{point}.h5"


def runs_explored():
    """The names of all points by kind and sweep, with the observables that the figures need anyway."""
    measured = {"gaps": set(), "spectra": set()}
    for figure in tables.MODULES:
        for kind, sweeps in tables.needs(figure).items():
            measured.get(kind, set()).update(sweeps)
    return {
        "runs": {name: list(points) for name, points in SWEEPS.items()},
        "lines": {name: list(points) for name, points in LINES.items()},
        **{
            kind: {name: list(SWEEPS[name]) for name in sorted(names & set(SWEEPS))} for kind, names in measured.items()
        },
    }


def files_explored(wildcards):
    return [
        result_of(kind, name, point)
        for kind, sweeps in runs_explored().items()
        for name, points in sweeps.items()
        for point in points
    ]


def tables_made_here(wildcards):
    if SHOWN != RESULTS:
        raise WorkflowError(
            f"The figures are drawn from reference '{SHOWN}', which was archived already; leave reference empty to archive."
        )
    return [f"{RESULTS}/tables/{figure}.h5" for figure in ARCHIVED]


def points_for_claims(group):
    """The names of the points of each sweep and line that a group of claims reads, of those the config has."""
    known = SWEEPS | LINES
    names = {name for needed in claims.needs(group).values() for name in needed}
    return {name: list(known[name]) for name in sorted(names) if name in known}


def results_for_claims(group):
    """The files a group of claims is measured on."""
    points = points_for_claims(group)
    return [
        result_of(kind, name, point)
        for kind, names in claims.needs(group).items()
        for name in names
        for point in points.get(name, [])
    ]


def archived_beside_tables():
    """What was reproduced and what the paper quotes; of a part (`only`) the numbers of its sweeps."""
    if not config["only"]:
        return [f"{RESULTS}/{name}" for name in ("claims.json", "claims.csv", "paper.json")]
    return [f"{RESULTS}/summaries/{name}.json" for name in sorted(runs_explored()["spectra"])]


def results_of_sweep(wildcards):
    """The runs of a sweep and all that is measured on them, or one sentence."""
    if wildcards.sweep not in SWEEPS:
        raise WorkflowError(f"The config has no sweep '{wildcards.sweep}'; its sweeps are {', '.join(SWEEPS)}.")
    return [result_of(kind, wildcards.sweep, point) for kind in summary.KINDS for point in SWEEPS[wildcards.sweep]]


def can_be_drawn(figure):
    """Whether what it draws is there, in a reference, or can be made."""
    if SHOWN != RESULTS:
        return Path(f"{SHOWN}/tables/{figure}.h5").exists()
    return not config["only"] or tables.can_be_made(figure, [*SWEEPS, *LINES])
