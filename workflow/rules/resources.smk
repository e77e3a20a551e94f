# What each job asks for, in one place and for every executor: threads, memory (MB), time (minutes), GPUs.
#
# For one run: snakemake --set-threads train=4 --set-resources train:mem_mb=8000 find_transition:runtime=600

GPUS = 1 if config["device"] == "cuda" else 0
HOUR, DAY = 60, 24 * 60


# Of spectra, three matrices and what the eigensolver needs beside them. Of the effective dimension, the triangular
# factor, the block that joins it, and what the decompositions need.
MATRICES = {"spectra": 4, "effective": 8}


def dense_matrices(wildcards):
    """The memory of the matrices of Ñ × Ñ doubles of an observable beside the libraries, for the network of a point."""
    return 1000 + MATRICES.get(wildcards.kind, 0) * 8 * point_of(wildcards).network.n_params**2 // 10**6


REQUESTS = {
    # threads, memory, time
    "fetch_mnist": (1, 1000, 30),
    "generate_data": (1, 2000, 30),
    "train": (1, 4000, DAY),
    "find_transition": (1, 4000, DAY),
    "compare_minimizers": (1, 2000, DAY),
    "measure": (1, dense_matrices, 4 * HOUR),
    # All points of a sweep, one after the other.
    "measure_sweep": (1, 2000, 2 * HOUR),
    "tabulate": (1, 2000, 30),
    "draw": (1, 1000, 10),
    "measure_claims": (1, 2000, 30),
    "collect_claims": (1, 1000, 10),
    "claims": (1, 1000, 10),
    "draw_explorer": (1, 2000, 30),
    "archive": (1, 2000, 30),
    "collect_facts": (1, 1000, 30),
    "typeset_paper": (1, 1000, 10),
    "run_notebook": (1, 2000, 30),
}

# These save their state and go on from it, so a second attempt needs no more time than the first had.
RESUMABLE = ("train", "find_transition")
# Seconds long. Those that a profile puts into one submission (group-components) run there one after the other.
SHORT = ("generate_data", "measure_sweep", "tabulate", "draw")


def submission_of(group):
    """The group of jobs with many inputs, which is none unless a cluster's profile submits several jobs at once.

    Each input that is done makes Snakemake compare all inputs of a job with its group, if it has one; in a dry-run of
    10 000 jobs that is most of the time. Such a profile is known by what it says of `in_turn`.
    """
    return group if "in_turn" in workflow.resource_scopes else None


# Data before everything else: most jobs wait for it.
FIRST = 1e30


def longest_first(point, network, trainings=1):
    """The priority of a job that trains: about how many products of a weight and a pattern it computes.

    The longest jobs start first, so that none of them is left to run alone at the end; short ones fill the gaps.
    """
    return float(trainings * point.replicas * point.protocol.steps * point.n_train * network.n_weights)


# A search goes through about so many widths.
WIDTHS_TRIED = 4


def grown(value, attempt):
    """More at each attempt: twice at the second, four times at most."""
    return value * min(attempt, 4)


def threads_of(name):
    return REQUESTS[name][0]


def resources_of(name):
    """The resources of a rule, to be unpacked in it; memory and time grow with the attempt."""
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
