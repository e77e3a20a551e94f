# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From one HDF5 file to Fig. 6
#
# A trained network is one group in one HDF5 file. This notebook opens such a file, reads how the network was made and
# what became of it, goes on to all runs of a sweep, and ends at [G] Fig. 6, drawn as the workflow draws it. Last it
# adds an observable. `snakemake --cores 2 notebook` executes it; by hand, start Jupyter in the project's folder with
# `PYTHONPATH=workflow`, and set `JAMMING_RESULTS` for another preset than `quick`.

# %%
import json
import os
import tempfile
from pathlib import Path

import h5py
import numpy as np
from IPython.display import Image
from matplotlib.figure import Figure

# %matplotlib inline

results = Path(os.environ.get("JAMMING_RESULTS", "results/quick"))
sweep = results / "runs" / "relu_L3"
paths = sorted(sweep.glob("P*.h5"))
print(*(path.name for path in paths))

# %% [markdown]
# ## One file
#
# A file has all replicas of one point: one number of patterns P, one width h. h5py alone is enough to read it. The
# attributes at its root say what was asked for (`spec`) and what made it (`provenance`).

# %%
path = paths[-1]
with h5py.File(path) as file:
    spec, provenance = json.loads(file.attrs["spec"]), json.loads(file.attrs["provenance"])
    print(file.attrs["kind"].decode(), "of", *file)
print(json.dumps(spec, indent=1))
print("commit", provenance["commit"], "on", provenance["device"])

# %% [markdown]
# A replica records its training at log-spaced steps: the number of unsatisfied patterns N_Δ, the loss 𝓛, the patterns
# it gets wrong. At the end stands Δ = ε − y f of every pattern: positive where the pattern is unsatisfied.

# %%
with h5py.File(path) as file:
    replica = file["replica_00"]
    record = {name: replica["record"][name][:] for name in ("step", "n_delta", "loss", "misclassified")}
    delta = replica["final/delta"][:]
    n_weights = int(replica.attrs["n_weights"])

print(f"N = {n_weights}, P = {len(delta)}, P/N = {len(delta) / n_weights:.2f}")
print(f"N_Δ = {(delta > 0).sum()}, N_Δ/N = {(delta > 0).sum() / n_weights:.2f}")
print(f"𝓛 from Δ: {np.sum(delta[delta > 0] ** 2) / 2 / len(delta):.3e}, recorded: {record['loss'][-1]:.3e}")

# %% [markdown]
# The training as a picture. N_Δ falls fast at first and then settles, or goes on to 0, where training stops.

# %%
figure = Figure((7, 2.6), layout="constrained")
left, right = figure.subplots(1, 2)
late = record["step"] > 0
left.plot(record["step"][late], record["n_delta"][late] / n_weights)
left.set(xscale="log", xlabel="step", ylabel=r"$N_\Delta/N$")
right.hist(delta, bins=60)
right.axvline(0, color="black", lw=0.8)
right.set(xlabel=r"$\Delta$ at the end", ylabel="patterns")
figure

# %% [markdown]
# ## All runs of a sweep
#
# `store.read` reads a file with checks and gives its tree as dictionaries and arrays. `skip` leaves out what is large.

# %%
from jamming.storage import store

runs = [store.read(path, "run", skip=("state",)) for path in paths]
points = [
    (run.spec["n_train"] / replica["n_weights"], replica["record"]["n_delta"][-1] / replica["n_weights"])
    for run in runs
    for replica in run.tree.values()
]
for load, ratio in points:
    print(f"P/N = {load:.2f}   N_Δ/N = {ratio:.2f}")

# %% [markdown]
# ## The table and the figure
#
# A figure is made in two steps. `tables.tabulate` collects exactly what is drawn, out of the kinds and sweeps that
# `tables.needs` names; `figures.draw` draws it and reads nothing else. The workflow keeps the table: it is the released
# data.

# %%
from jamming import figures, tables

sweeps = tables.needs("fig6")["runs"]
folders = {name: sorted((results / "runs" / name).glob("P*.h5")) for name in sweeps}
read = {name: [store.read(path, "run", skip=("state",)) for path in folders[name]] for name in sweeps}
analysis = tables.Analysis(max_loss=2e-3, n_bootstrap=100, seed=1, drawn_network={})
table = tables.tabulate("fig6", {"runs": read}, analysis)
print("groups:", *(name for name, value in table.items() if isinstance(value, dict)))
print("columns of relu/L3:", *table["relu"]["L3"])

# %%
with tempfile.TemporaryDirectory() as folder:
    drawn = Path(folder) / "fig6.png"
    figures.render("fig6", table, [drawn], dpi=110)
    page = Image(drawn.read_bytes())
page

# %% [markdown]
# ## Adding an observable
#
# An observable is a function from arrays to arrays. Say we ask how evenly the loss is shared among the unsatisfied
# patterns: the participation ratio of the overlaps, (Σ Δ²)² / (N_Δ Σ Δ⁴) over Δ > 0, which is 1 if all overlaps are
# equal and 1/N_Δ if one pattern has them all.


# %%
def participation(delta: np.ndarray) -> float:
    """(Σ Δ²)² / (N_Δ Σ Δ⁴) over the patterns with Δ > 0 of `delta` (P,); nan if there is none."""
    overlap = delta[delta > 0]
    if len(overlap) == 0:
        return float("nan")
    return float(np.sum(overlap**2) ** 2 / (len(overlap) * np.sum(overlap**4)))


assert np.isclose(participation(np.array([-1.0, 2.0, 2.0])), 1)
assert np.isclose(participation(np.array([3.0, 1e-9])), 0.5)

# %% [markdown]
# Runs that ended jammed (`criteria.py` says when):

# %%
from jamming.criteria import JAMMED, end_of

figure = Figure((3.6, 2.6), layout="constrained")
axes = figure.subplots()
for name, group in (("relu_L2", "L = 2"), ("relu_L3", "L = 3"), ("relu_L5", "L = 5")):
    replicas = [(replica, run.spec["protocol"]["margin"]) for run in read[name] for replica in run.tree.values()]
    jammed = [replica for replica, margin in replicas if end_of(replica, margin).state == JAMMED]
    loss = [replica["record"]["loss"][-1] for replica in jammed]
    axes.plot(loss, [participation(replica["final"]["delta"]) for replica in jammed], "o", ms=3, label=group)
axes.set(xscale="log", xlabel=r"$\mathcal{L}$", ylabel="participation ratio", ylim=(0, 1))
axes.legend(frameon=False)
figure

# %% [markdown]
# To make it part of the workflow, so that it is measured once for each run, kept with its provenance, and measured
# again only when its own code or settings change, four small things are written and nothing else is touched:
#
# 1. a module `workflow/jamming/observables/participation.py` with `measure(run, …) -> tree`, which knows no figure;
# 2. a verb in `workflow/jamming/commands/observables.py` that reads the run, calls `measure` and writes the result with
#    `store.provenance`;
# 3. a rule in `workflow/rules/observables.smk`, with `code=fingerprint("observables.participation")` among its params;
# 4. a test against something slow and obvious, as the two lines with `assert` above.
#
# A table then names it in its `NEEDS`, and a figure draws it.
