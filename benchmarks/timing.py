"""Median times of several actions whose rounds alternate, so that a noisy machine disturbs all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(actions: Mapping[str, Callable[[], object]], rounds: int, seconds: float) -> dict[str, float]:
    """Seconds of the processor for one call of each action: the median over `rounds` rounds of about `seconds` each.

    For what runs on one thread that is the time on the wall of a machine that does nothing else. The first call of
    each, which may build or allocate something, is not counted.
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
