# The resources of all jobs, for every executor: threads, memory (MB), time (minutes), GPUs.
#
# To change them for one run: snakemake --set-threads train=4 --set-resources train:mem_mb=8000 find_transition:runtime=600

GPUS = 1 if config["device"] == "cuda" else 0
HOUR, DAY = 60, 24 * 60


def of_matrices(wildcards):
    """The memory in MB of the measurement of a point."""
    return round(memory_of_measurement(wildcards.kind, point_of(wildcards).network) / 1e6)


REQUESTS = {
    # threads, memory, time
    "fetch_mnist": (1, 1000, 30),
    "generate_data": (1, 2000, 30),
    "train": (1, 4000, DAY),
    "find_transition": (1, 4000, DAY),
    "compare_minimizers": (1, 2000, DAY),
    "measure": (1, of_matrices, 4 * HOUR),
    # Measures all points of a sweep, one after the other.
    "measure_sweep": (1, 2000, 2 * HOUR),
    "tabulate": (1, 2000, 30),
    "draw": (1, 1000, 10),
    "measure_claims": (1, 2000, 30),
    "collect_claims": (1, 1000, 10),
    "claims": (1, 1000, 10),
    "front_page": (1, 1000, 10),
    "draw_explorer": (1, 2000, 30),
    "archive": (1, 2000, 30),
    "collect_facts": (1, 1000, 30),
    "typeset_paper": (1, 1000, 10),
    "run_notebook": (1, 2000, 30),
}

# These rules save their state, and a second attempt goes on from it. So it needs no more time than the first one.
RESUMABLE = ("train", "find_transition")
# Rules whose jobs take seconds. If a profile puts several of them into one submission (group-components), they run there
# one after the other.
SHORT = ("generate_data", "measure_sweep", "tabulate", "draw")


def submission_of(group):
    """The group of jobs with many inputs: `group` if a cluster's profile submits several jobs at once, otherwise None.

    Groups are slow for such jobs: each finished input makes Snakemake compare all inputs of the job with its group. In
    a dry-run of 10 000 jobs this takes most of the time. A profile that submits several jobs at once sets the scope of
    the resource `in_turn`.
    """
    return group if "in_turn" in workflow.resource_scopes else None


# The priority of data. It is the highest, since most jobs wait for data.
FIRST = 1e30


def longest_first(point, network, trainings=1):
    """The priority of a job that trains: roughly the number of products of a weight and a pattern that it computes.

    The longest jobs start first, so that no long job runs alone at the end.
    """
    return float(trainings * point.replicas * point.protocol.steps * point.n_train * network.n_weights)


def grown(value, attempt):
    """A value that grows with the attempt: twice at the second attempt, four times at most."""
    return value * min(attempt, 4)


def threads_of(name):
    return REQUESTS[name][0]


def resources_of(name):
    """The resources of a rule, as keyword arguments. Memory and time grow with the attempt."""
    _, memory, minutes = REQUESTS[name]
    asked = {
        "mem_mb": lambda wildcards, attempt: grown(memory(wildcards) if callable(memory) else memory, attempt),
        "runtime": minutes if name in RESUMABLE else lambda wildcards, attempt: grown(minutes, attempt),
    }
    if name in RESUMABLE:
        asked["gpu"] = GPUS
    if name in SHORT:
        asked["in_turn"] = 1
    return asked
