"""Training protocols: their stages, their learning rates, and the steps at which a run is recorded."""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from .spec import Protocol

RECORDS_PER_DECADE = 10
STATES_PER_DECADE = 3
# Of networks with more parameters only the last state is kept; nothing reads their earlier states.
LARGEST_KEPT = 100_000

SINGLE_ABOVE = 0.1
"""In mixed precision, double precision begins when the learning rate has fallen to this fraction of the first one."""


@dataclass(frozen=True)
class Stage:
    """A part of a training: one `method` ("adam", "lbfgs" or "sgd") in one `precision` (float64 or float32).

    It ends at the step `until`, or earlier where N_Δ = 0. If the stage `is_final`, a network with N_Δ = 0 has ended its
    training. Otherwise the next stage has to confirm N_Δ = 0.

    L-BFGS remembers `memory` pairs. It also ends where it gets stuck, and where 𝓛 < `loss`. Its remaining steps are
    skipped, so that Adam's rate falls over the same number of steps in every training.
    """

    method: str
    precision: str
    until: int
    is_final: bool = True
    memory: int = 0
    loss: float = 0.0


def stages(protocol: Protocol, dtype: str) -> list[Stage]:
    """The stages of a training in the precision `dtype`: float64, float32 or mixed.

    Mixed precision makes most steps in single precision and the last ones in double. Far from convergence a step need
    not be exact, since the next one corrects it; single precision makes twice as many steps in the same time. At the
    end many patterns lie within a rounding error of Δ = 0, and many pre-activations of the cusp. These are measured, so
    they need double precision. A network with N_Δ = 0 in single precision goes on in double, so that it fits by the
    same rule as in double precision throughout.

    L-BFGS always runs in double precision, since its line search compares nearly equal losses. For cross-entropy, mixed
    precision is single precision, since only the signs of the outputs matter.
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
    descent = Stage("lbfgs", "float64", protocol.anneals_from, memory=protocol.lbfgs_memory, loss=protocol.lbfgs_loss)
    if not protocol.start_steps:
        return [descent, *found]
    start = Stage("adam", "float32" if dtype == "mixed" else dtype, protocol.start_steps, is_final=dtype != "mixed")
    return [start, descent, *found]


def learning_rate(protocol: Protocol, step: int) -> float:
    """The learning rate of the update from `step` to `step + 1`.

    - `hinge_adam`: divided by ten every `drop_every` steps, down to `floor` ([G] Sec. III, [S] App. B.1).
    - `hinge_adam_constant`: constant ([S] Fig. 4).
    - `hinge_adam_annealed`: linear from `rate` to `floor`.
    - `hinge_lbfgs_annealed`: `rate` before L-BFGS, which uses none, and after it linear from `rate` to `floor`.
    - `cross_entropy_sgd`: `rate` in the first half of the steps, then `floor` ([G] Sec. III).

    Raises ValueError for an unknown protocol.
    """
    if protocol.name == "hinge_adam":
        return max(protocol.rate * 0.1 ** (step // protocol.drop_every), protocol.floor)
    if protocol.name == "hinge_adam_constant":
        return protocol.rate
    if protocol.name in ("hinge_adam_annealed", "hinge_lbfgs_annealed"):
        annealed = max(step - protocol.anneals_from, 0) / (protocol.steps - protocol.anneals_from)
        return protocol.floor + (protocol.rate - protocol.floor) * (1 - annealed)
    if protocol.name == "cross_entropy_sgd":
        return protocol.rate if 2 * step < protocol.steps else protocol.floor
    raise ValueError(f"unknown protocol '{protocol.name}'.")


def can_be_extended(protocol: Protocol) -> bool:
    """Whether a run is the beginning of every longer run: the rate at a step must not depend on the number of steps."""
    return protocol.name in ("hinge_adam", "hinge_adam_constant")


def steps_seen(protocol: Protocol, per_decade: int) -> list[int]:
    """The steps at which a run is recorded: 0, the last one, and at most `per_decade` in each decade.

    If the run can be extended, they are counted from the start, so that a longer run records the same steps.
    """
    last = protocol.steps
    if not can_be_extended(protocol):
        return log_spaced_steps(last, per_decade)
    exponents = np.arange(0, math.ceil(math.log10(last) * per_decade) + 1) / per_decade
    return sorted({0, last, *(step for exponent in exponents if (step := round(10**exponent)) <= last)})


def log_spaced_steps(last: int, per_decade: int) -> list[int]:
    """Distinct steps from 0 to `last`, both included, with at most `per_decade` in each decade.

    They are the fractions 10^(−k/per_decade) of `last`.
    """
    decades = np.log10(last) if last > 0 else 0
    exponents = np.arange(0, int(decades * per_decade) + 1) / per_decade
    return sorted({0, last, *(round(last / 10**exponent) for exponent in exponents)})
