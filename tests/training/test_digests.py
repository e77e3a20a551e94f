"""The numbers of tiny trainings, bit for bit, with every backend: this test notices a change that moves one bit.

`digests.json` holds a hash of each result, for each arithmetic on which it was recorded: LAPACK, BLAS and torch round
in other places on other processors. On one that is not known there the test is skipped. To record the present code:
`python tests/training/test_digests.py`.
"""

import dataclasses
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from helpers.same_bits import flat
from jamming import kernels
from jamming.spec import LinePoint, Network, Point, Protocol
from jamming.storage import store
from jamming.training import loop, width_search
from jamming.training.checkpoint import Checkpoint

RECORDED = Path(__file__).with_name("digests.json")
BACKENDS = ("compiled", "torch", "batched")

PROTOCOLS = {
    "hinge_adam": Protocol("hinge_adam", 0.5, 120, 3e-2, 1e-6, 50),
    "constant": Protocol("hinge_adam_constant", 0.5, 100, 2e-2, 0.0, 0),
    "annealed": Protocol("hinge_adam_annealed", 0.5, 150, 3e-2, 1e-5, 0),
    "lbfgs_annealed": Protocol("hinge_lbfgs_annealed", 0.5, 120, 1e-2, 1e-6, 0, 50, 100),
}
# Of the three replicas some fit and others do not.
RELU = Point("s", "random", Network(5, 6, 2, "relu"), PROTOCOLS["annealed"], 24, 3, "float64", 1)
CASES: dict[str, Point | LinePoint] = {
    f"{protocol} {dtype}": dataclasses.replace(RELU, protocol=PROTOCOLS[protocol], dtype=dtype, n_train=n_train)
    for protocol, n_train in zip(PROTOCOLS, (24, 24, 24, 60), strict=True)
    for dtype in ("float64", "float32", "mixed")
}
CASES["annealed mixed, none fits"] = dataclasses.replace(RELU, dtype="mixed", n_train=200)
CASES["tanh mixed"] = dataclasses.replace(RELU, network=Network(5, 6, 3, "tanh"), dtype="mixed")
CASES["mnist mixed"] = dataclasses.replace(RELU, dataset="mnist", dtype="mixed", n_train=100)

LINE = LinePoint("l", "random", 2, "relu", 5, PROTOCOLS["annealed"], 40, 2, "float64", 1, 1.2, 6.0)
SGD = Protocol("cross_entropy_sgd", 0.0, 300, 0.2, 0.02, 0)
CASES["search"] = LINE
CASES["search mixed, d = h"] = dataclasses.replace(LINE, dtype="mixed", dim=0)
CASES["search lbfgs_annealed"] = dataclasses.replace(LINE, protocol=PROTOCOLS["lbfgs_annealed"])
CASES["search cross_entropy_sgd"] = dataclasses.replace(LINE, protocol=SGD, first_ratio=3.0, max_ratio=12.0)
CASES["search cross_entropy_sgd mixed, short times"] = dataclasses.replace(
    LINE, protocol=SGD, dtype="mixed", first_ratio=3.0, max_ratio=12.0, shortest_time=60
)


def patterns(name):
    inputs = np.random.default_rng(0).standard_normal((500, 5))
    labels = np.where(inputs[:, 0] > 0, 1, -1).astype(np.int8)
    return store.Result("dataset", {"dataset": name, "dim": 5}, {}, {"inputs": inputs, "labels": labels})


def digest(name, backend):
    """A hash of all numbers of the result except times."""
    point = CASES[name]
    find = loop.train if isinstance(point, Point) else width_search.find_transition
    chosen = kernels.choose("cpu", backend, threads=1, together=point.can_train_together)
    with tempfile.TemporaryDirectory() as folder, Checkpoint(Path(folder) / "x.h5", {}, report=silent) as checkpoint:
        tree = find(point, patterns(point.dataset), checkpoint, "cpu", silent, chosen)
    return hashed(flat(tree))


def silent(_):
    pass


def hashed(values):
    digest = hashlib.sha256()
    for name, value in values:
        digest.update(f"{name}:{np.asarray(value).dtype.kind}:".encode() + np.asarray(value).tobytes())
    return digest.hexdigest()[:16]


def arithmetic():
    """A hash of a few sums, products and factorizations by the libraries, which is equal if they round alike."""
    import torch

    torch.set_num_threads(1)
    one, other = np.random.default_rng(0).standard_normal((2, 60, 60))
    values = [np.linalg.qr(one[:, :n])[0] for n in (1, 5, 6)]
    values += [one[0, :n] @ other[0, :n] for n in (5, 60)] + [one[0] @ other[:, :5], np.tanh(one), np.exp(other)]
    for dtype in (torch.float64, torch.float32):
        a, b = (torch.tensor(array, dtype=dtype) for array in (one, other))
        values += [a[:6, :5] @ b[:5, :24], a[:, :6] @ b[:6], a[:5] @ b[:24].T, a.tanh(), b.sum(1), torch.sigmoid(a)]
        values += [torch.bmm(a.view(3, 20, 60)[:, :6, :5], b.view(3, 20, 60)[:, :5, :24]), torch.lerp(a, b, 0.1)]
    return hashed((str(number), np.asarray(value)) for number, value in enumerate(values))


HERE = arithmetic()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_bits_are_those_that_were_recorded(name, backend):
    recorded = json.loads(RECORDED.read_text())
    expected = recorded.get(HERE, {}).get(backend, {}).get(name)
    if expected is None:
        pytest.skip("it is not recorded for a processor that rounds as this one")
    assert digest(name, backend) == expected


if __name__ == "__main__":
    found = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    found[HERE] = {backend: {name: digest(name, backend) for name in CASES} for backend in BACKENDS}
    RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"recorded for {HERE}\n")
