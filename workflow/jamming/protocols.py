"""Training protocols by the names of the papers: stages, learning rates, and the steps at which a run is looked at."""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from .spec import Protocol

RECORDS_PER_DECADE = 10
STATES_PER_DECADE = 3
# Of larger networks only the last state is kept: along training, only their records are of use.
LARGEST_KEPT = 100_000

SINGLE_ABOVE = 0.1
"""In mixed precision, double precision begins where the learning rate has fallen to this part of the first one."""


@dataclass(frozen=True)
class Stage:
    """A stretch of a training: one `method` ("adam", "lbfgs" or "sgd") in one `precision` (float64 or float32).

    It ends at the step `until`, or earlier where N_Δ = 0. A network that has N_Δ = 0 has ended its training if the
    stage `is_final`; if not, the next stage has to confirm it.

    L-BFGS has a `memory` of so many pairs. It ends earlier, too, where it gets stuck or where 𝓛 < `loss`; the steps
    that are left are left out, so that the rate falls over as many steps of Adam in every training.
    """

    method: str
    precision: str
    until: int
    is_final: bool = True
    memory: int = 0
    loss: float = 0.0


def stages(protocol: Protocol, dtype: str) -> list[Stage]:
    """The stages of a training in the precision `dtype`: float64, float32 or mixed.

    Mixed precision is the long way in single precision, then double. Far from convergence a step need not be exact,
    since the next one corrects it, and single precision does twice the work in the same time. In the end patterns and
    pre-activations come to lie within a rounding of Δ = 0 and of the cusp, and these are what is measured. A network
    that has N_Δ = 0 in single precision goes on in double, so that it fits by the same rule as in double throughout.

    L-BFGS is always in double precision: its line search compares losses that are nearly equal. Under cross-entropy
    mixed precision is single: only the signs of the outputs are asked for.
    """
    last = protocol.steps
    if protocol.name == "cross_entropy_sgd":
        return [Stage("sgd", "float32" if dtype == "mixed" else dtype, last)]
    if dtype == "mixed":
        low = SINGLE_ABOVE * protocol.rate
        until = bisect_left(range(last), True, key=lambda step: learning_rate(protocol, step) <= low)
        found = [Stage("adam", "float32", until, is_final=False), Stage("adam", "float64", last)]
    else:
        found = [Stage("adam", dtype, last)]
    if not protocol.lbfgs_steps:
        return found
    descent = Stage("lbfgs", "float64", protocol.lbfgs_steps, memory=protocol.lbfgs_memory, loss=protocol.lbfgs_loss)
    return [descent, *found]


def learning_rate(protocol: Protocol, step: int) -> float:
    """The rate of the update that leads from `step` to `step + 1`.

    `hinge_adam` divides by ten every `drop_every` steps down to `floor` ([G] Sec. III, [S] App. B.1);
    `hinge_adam_constant` does not change ([S] Fig. 4); `hinge_adam_annealed` goes linearly from `rate` to `floor`, and
    `hinge_lbfgs_annealed` the same after `lbfgs_steps`, which do not use it; `cross_entropy_sgd` has `rate` in the
    first half of its steps, then `floor` ([G] Sec. III).
    """
    if protocol.name == "hinge_adam":
        return max(protocol.rate * 0.1 ** (step // protocol.drop_every), protocol.floor)
    if protocol.name == "hinge_adam_constant":
        return protocol.rate
    if protocol.name in ("hinge_adam_annealed", "hinge_lbfgs_annealed"):
        annealed = max(step - protocol.lbfgs_steps, 0) / (protocol.steps - protocol.lbfgs_steps)
        return protocol.floor + (protocol.rate - protocol.floor) * (1 - annealed)
    if protocol.name == "cross_entropy_sgd":
        return protocol.rate if 2 * step < protocol.steps else protocol.floor
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
