"""Training protocols by the names of the papers: learning rates, and the steps at which a run is looked at."""

import math

import numpy as np

from .spec import Protocol

RECORDS_PER_DECADE = 10
STATES_PER_DECADE = 3
# Of larger networks only the last state is kept: along training, only their records are of use.
LARGEST_KEPT = 100_000


def learning_rate(protocol: Protocol, step: int) -> float:
    """The rate of the update that leads from `step` to `step + 1`.

    `hinge_adam` divides by ten every `drop_every` steps down to `floor` ([G] Sec. III, [S] App. B.1);
    `hinge_adam_constant` does not change ([S] Fig. 4); `hinge_adam_annealed` goes linearly from `rate` to `floor`, and
    `hinge_lbfgs_annealed` the same after `lbfgs_steps`, which do not use it.
    """
    if protocol.name == "hinge_adam":
        return max(protocol.rate * 0.1 ** (step // protocol.drop_every), protocol.floor)
    if protocol.name == "hinge_adam_constant":
        return protocol.rate
    if protocol.name in ("hinge_adam_annealed", "hinge_lbfgs_annealed"):
        annealed = max(step - protocol.lbfgs_steps, 0) / (protocol.steps - protocol.lbfgs_steps)
        return protocol.floor + (protocol.rate - protocol.floor) * (1 - annealed)
    raise ValueError(f"unknown protocol '{protocol.name}'.")


def can_be_extended(protocol: Protocol) -> bool:
    """Whether a run is the beginning of every longer one: whether the rate at a step is the same in both."""
    return protocol.name in ("hinge_adam", "hinge_adam_constant")


def steps_seen(protocol: Protocol, per_decade: int) -> list[int]:
    """The steps at which a run is looked at, 0 and the last among them, at most `per_decade` in each decade.

    If the run can be extended they are counted from the start, so that a longer run looks at the same ones.
    """
    last = protocol.steps
    if not can_be_extended(protocol):
        return log_spaced_steps(last, per_decade)
    exponents = np.arange(0, math.ceil(math.log10(last) * per_decade) + 1) / per_decade
    return sorted({0, last, *(step for exponent in exponents if (step := round(10**exponent)) <= last)})


def log_spaced_steps(last: int, per_decade: int) -> list[int]:
    """0, 1, …, last: distinct steps, at most `per_decade` in each decade, always with both ends.

    Counted back from the end, so that runs of the same length are seen at the same fractions of it.
    """
    decades = np.log10(last) if last > 0 else 0
    exponents = np.arange(0, int(decades * per_decade) + 1) / per_decade
    return sorted({0, last, *(round(last / 10**exponent) for exponent in exponents)})
