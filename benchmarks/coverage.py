"""Simulate how often the intervals of 95 % cover a known answer, for the numbers of runs that presets have.

python benchmarks/coverage.py                                            # prints the table; takes a minute or two
python benchmarks/coverage.py --trials 2000 --into docs/statistics.md    # more exact; writes the table into the page

Every case draws runs from a distribution with a known answer. The functions of the claims measure it.
"""

import argparse
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from jamming.analysis.power_law import fit_power_law
from jamming.analysis.statistics import Measurement, bootstrap, fraction, mean, rate
from jamming.claims.position import threshold
from jamming.claims.spectra import ks_distance
from jamming.documents.generated import between_marks
from jamming.observables.gaps import POSITIVE_EDGES, distribution, overlaps

RESAMPLES = 200
LEVEL = 0.95
COMMAND = "python benchmarks/coverage.py"

Case = tuple[str, int, float, Callable[[np.random.Generator, int], Measurement]]
"""Name of the measured quantity, number of runs, right answer, and a function that makes one experiment.

The function takes a generator and a seed for the bootstrap.
"""


def means() -> Iterator[Case]:
    """Means of a number of each run. The numbers are symmetric, or skewed like positive numbers."""
    laws = (
        ("mean, normal", 5.0, False, lambda generator, n: generator.normal(5, 1, n)),
        ("mean, exponential", 1.0, True, lambda generator, n: generator.exponential(1, n)),
        ("mean, log-normal (σ = 0.7)", np.exp(0.245), True, lambda generator, n: np.exp(generator.normal(0, 0.7, n))),
    )
    for name, answer, positive, draw in laws:
        for n_runs in (2, 5, 12, 20):

            def measure(generator, seed, draw=draw, n_runs=n_runs, positive=positive):
                return mean(draw(generator, n_runs).tolist(), RESAMPLES, seed, "", positive)

            yield name, n_runs, answer, measure


def exponents() -> Iterator[Case]:
    """The exponent θ = 0.3 from runs of N_Δ = 600 overlaps. In some runs a few outliers carry most of 𝓛."""

    def overlaps_of(generator: np.random.Generator, outliers: bool) -> np.ndarray:
        # A power law up to a cut-off above the median, and an exponential tail beyond. Outliers hardly move the median.
        values = np.where(
            generator.random(600) < 0.8, generator.random(600) ** (1 / 1.3), 1 + generator.exponential(1, 600)
        )
        if outliers and generator.random() < 0.4:
            values[:8] = 60.0
        return 1e-2 * values

    for name, outliers in (("θ, clean runs", False), ("θ, two in five runs with outliers", True)):
        for n_runs in (5, 12, 20):

            def measure(generator, seed, n_runs=n_runs, outliers=outliers):
                runs = (overlaps(overlaps_of(generator, outliers)) for _ in range(n_runs))
                parts = [distribution(run, POSITIVE_EDGES, (1e-2, 0.2)) for run in runs]
                return fit_power_law(parts, RESAMPLES, seed, "")

            yield name, n_runs, 0.3, measure


def collapses() -> Iterator[Case]:
    """Mean Kolmogorov–Smirnov distance of spectra whose widths differ between runs by 15 %, or with heavier tails."""
    tails = {
        "collapse of spectra, normal": lambda generator, n: 0.15 * generator.standard_normal(n),
        "collapse of spectra, heavy tails (t₅)": lambda generator, n: 0.1 * generator.standard_t(5, n),
    }

    def distances(generator: np.random.Generator, n_runs: int, scatter: Callable) -> dict:
        runs = [factor * generator.standard_normal(200) for factor in np.exp(scatter(generator, n_runs))]
        return {(i, j): ks_distance(runs[i], runs[j]) for i, j in combinations(range(n_runs), 2)}

    for name, scatter in tails.items():
        generator = np.random.default_rng(0)
        answer = float(np.mean([distances(generator, 2, scatter)[0, 1] for _ in range(3000)]))
        for n_runs in (4, 12):

            def measure(generator, seed, n_runs=n_runs, scatter=scatter):
                found = distances(generator, n_runs, scatter)

                def value(strata):
                    pairs = [found[pair] for pair in combinations(sorted(strata[0]), 2) if pair in found]
                    return float(np.log(np.mean(pairs))) if pairs else np.nan

                return bootstrap(value, [range(n_runs)], RESAMPLES, seed, "", logarithmic=True)

            yield name, n_runs, answer, measure


def counts() -> Iterator[Case]:
    """Fractions of runs, and rare counts that scatter more than a Poisson law, like negative eigenvalues of H."""
    for share, n_runs in ((0.04, 56), (0.1, 14)):
        yield (
            "fraction of runs",
            n_runs,
            share,
            lambda generator, seed, s=share, n=n_runs: fraction(generator.binomial(n, s), n, ""),
        )
    for n_runs in (4, 12):

        def measure(generator, seed, n_runs=n_runs):
            found = generator.poisson(11 * generator.gamma(4, 1 / 4, n_runs))
            return rate(found.tolist(), [2232.0] * n_runs, "")

        yield "negative eigenvalues per N", n_runs, 11 / 2232, measure


def transitions() -> Iterator[Case]:
    """P/N* of a sweep of seven P/N with two or three replicas. Thresholds are normal around 2.6 with a width of 0.08.

    Each replica of a P/N is jammed if P/N is above its own threshold.
    """
    loads = np.linspace(2.3, 2.9, 7)
    for replicas in (2, 3):

        def measure(generator, seed, replicas=replicas):
            places = np.repeat(loads, replicas)
            runs = list(zip(places, places > generator.normal(2.6, 0.08, len(places)), strict=True))

            def value(strata):
                return threshold(*np.array(strata[0], float).T)[0]

            half = threshold(*np.array(runs, float).T)[1]
            return bootstrap(value, [runs], RESAMPLES, seed, "", (half, half))

        yield "transition in P/N", 7 * replicas, 2.6, measure


def lines() -> Iterator[Case]:
    """The difference of two lines of three points, each with two replicas that scatter by 8 %."""

    def measure(generator, seed):
        strata = [list(generator.normal(0, 0.08, 2)) for _ in range(6)]
        return bootstrap(
            lambda s: float(np.mean([np.mean(one) for one in s[:3]]) - np.mean([np.mean(one) for one in s[3:]])),
            strata,
            RESAMPLES,
            seed,
            "",
        )

    yield "difference of two lines", 12, 0.0, measure


def table(n_trials: int) -> list[str]:
    """The lines of the table in Markdown, from `n_trials` experiments for each row."""
    rows = ["| measured | runs | covered | without interval |", "| --- | --- | --- | --- |"]
    for family in (means, exponents, collapses, counts, transitions, lines):
        for name, n_runs, answer, measure in family():
            generator, hits, none = np.random.default_rng(1), 0, 0
            for trial in range(n_trials):
                interval = measure(generator, trial).interval(LEVEL)
                none += interval is None
                hits += interval is not None and interval[0] <= answer <= interval[1]
            covered = f"{hits / (n_trials - none):.2f}" if none < n_trials else "–"
            rows.append(f"| {name} | {n_runs} | {covered} | {none / n_trials:.2f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="experiments for each row")
    parser.add_argument("--into", type=Path, help="a page with marks for the table")
    arguments = parser.parse_args()
    rows = table(arguments.trials)
    if arguments.into is None:
        print("\n".join(rows))
    else:
        text = arguments.into.read_text(encoding="utf-8")
        arguments.into.write_text(between_marks(text, "coverage", rows, COMMAND), encoding="utf-8")


if __name__ == "__main__":
    main()
