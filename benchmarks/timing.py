"""Measure median times of several actions. Their rounds alternate, so that a noisy machine disturbs all alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(actions: Mapping[str, Callable[[], object]], rounds: int, seconds: float) -> dict[str, float]:
    """The CPU time in seconds of one call of each action: the median over `rounds` rounds of about `seconds` each.

    For an action on one thread this is the wall time on an idle machine. The first call of each action is not counted,
    since it may build or allocate something.
    """
    counts = {}
    for name, action in actions.items():
        action()
        started = time.process_time()
        action()
        counts[name] = max(1, round(seconds / max(time.process_time() - started, 1e-7)))
    times = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            started = time.process_time()
            for _ in range(counts[name]):
                action()
            times[name].append((time.process_time() - started) / counts[name])
    return {name: statistics.median(values) for name, values in times.items()}
