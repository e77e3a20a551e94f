"""Write a table in Markdown of the losses at the end of annealed trainings. `criteria.FITTED_LOSS` lies in their gap.

python benchmarks/endings.py results/quick
"""

import argparse
from pathlib import Path

import numpy as np

from jamming import criteria
from jamming.analysis.sweeps import ends, replicas
from jamming.storage import store

DECADES = np.arange(-12, 1)


def losses(folder: Path) -> dict[str, np.ndarray]:
    """The final 𝓛 (at ε = 1/2) of all annealed networks, and |∇𝓛|/√𝓛 and the state of those of the sweeps."""
    final, gradients, states = [], [], []
    for path in sorted(folder.glob("runs/*/*.h5")):
        result = store.read(path, "run", skip=("state",))
        if "annealed" in result.spec["protocol"]["name"]:
            for end in ends([result]):
                final.append(end.loss / (2 * end.margin) ** 2)
                states.append(end.state)
                gradients.append(end.gradient)
    for path in sorted(folder.glob("lines/*/*.h5")):
        result = store.read(path, "line")
        if "annealed" in result.spec["protocol"]["name"]:
            final += [loss for replica in replicas([result]) for loss in replica["attempts"]["loss"].tolist()]
    return {"loss": np.array(final), "gradient": np.array(gradients), "state": np.array(states)}


def table(found: dict[str, np.ndarray]) -> list[str]:
    """The lines of two tables, from `losses`: networks by their final 𝓛, and gradients by how runs ended."""
    loss = found["loss"]
    positive = np.log10(loss[loss > 0])
    counts = [int((loss == 0).sum()), int((positive < DECADES[0]).sum()), *np.histogram(positive, DECADES)[0].tolist()]
    names = ["0", f"< 10^{DECADES[0]}", *(f"10^{low} … 10^{low + 1}" for low in DECADES[:-1])]
    below, above = loss[loss <= criteria.FITTED_LOSS].max(), loss[loss > criteria.FITTED_LOSS].min()
    lines = ["| 𝓛 at the end | networks |", "| --- | --- |"]
    lines += [f"| {name} | {count} |" for name, count in zip(names, counts, strict=True)]
    lines += ["", f"None of {len(loss)} lies between {below:.1e} and {above:.1e}.", ""]
    lines += ["| state | runs | least and largest gradient over √𝓛 |", "| --- | --- | --- |"]
    for state in criteria.STATES:
        of_state = found["state"] == state
        values = found["gradient"][of_state & (found["gradient"] > 0)]
        lines.append(f"| {state} | {of_state.sum()} | {values.min():.1e} … {values.max():.1e} |" if len(values) else "")
    return [line for line in lines if line is not None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    print("\n".join(table(losses(parser.parse_args().results))))
