"""The specification of a run: its data, network and protocol as plain values, and the seeds that follow from them."""

import hashlib
import json
from dataclasses import asdict, dataclass

ACTIVATIONS = ("relu", "tanh")
PROTOCOLS = ("hinge_adam", "hinge_adam_constant", "hinge_adam_annealed", "hinge_lbfgs_annealed", "cross_entropy_sgd")


def seed_of(root: int, *what: object) -> int:
    """A 63-bit seed that depends only on the root seed and on the words in `what`, which name what is drawn.

    It does not depend on the order of jobs, on time or on the machine. So a run gives the same numbers everywhere.
    """
    words = "/".join(str(word) for word in (root, *what))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Network:
    """A fully-connected network: `dim` inputs, `depth` hidden layers of `width` neurons, one output ([G] Eq. 6–8)."""

    dim: int
    width: int
    depth: int
    activation: str

    @property
    def n_weights(self) -> int:
        """N = d·h + (L−1)·h² + h: the number of weights, without biases. All ratios P/N and N_Δ/N use this N."""
        return self.dim * self.width + (self.depth - 1) * self.width**2 + self.width

    @property
    def n_hidden(self) -> int:
        """The number of hidden neurons, L·h."""
        return self.depth * self.width

    @property
    def n_params(self) -> int:
        """Ñ: the number of weights and biases."""
        return self.n_weights + self.n_hidden + 1


LBFGS_MEMORY = 100
"""The number of pairs that L-BFGS keeps unless the protocol sets it (docs/minimizers.md compares 10 … 300)."""


@dataclass(frozen=True)
class Protocol:
    """How a network is trained: one of the protocols of `protocols.py`, by its `name`.

    `margin` is the ε of Δ = ε − y f, `rate` the first learning rate, `floor` the lowest one. `drop_every` is the number
    of steps between two tenfold drops of the rate; only `hinge_adam` uses it.

    Only `hinge_lbfgs_annealed` uses the rest. Adam makes `start_steps`, then L-BFGS `lbfgs_steps`, with a memory of
    `lbfgs_memory` pairs. As soon as 𝓛 < `lbfgs_loss`, Adam takes over again.
    """

    name: str
    margin: float
    steps: int
    rate: float
    floor: float
    drop_every: int
    lbfgs_steps: int = 0
    lbfgs_memory: int = 0
    lbfgs_loss: float = 0.0
    start_steps: int = 0

    @property
    def anneals_from(self) -> int:
        """The step from which on the rate of `hinge_lbfgs_annealed` falls: that of the end of L-BFGS."""
        return self.start_steps + self.lbfgs_steps


@dataclass(frozen=True)
class Point:
    """One P and width of a sweep, with all its replicas. One job trains it and writes one file."""

    sweep: str
    dataset: str
    network: Network
    protocol: Protocol
    n_train: int
    replicas: int
    dtype: str
    seed: int

    @property
    def name(self) -> str:
        """The stem of the point's files, e.g. "P02296_h0020"."""
        return f"P{self.n_train:05d}_h{self.network.width:04d}"

    @property
    def can_train_together(self) -> bool:
        """Whether its replicas can be trained together, step by step. L-BFGS cannot: line searches differ in length."""
        return not self.protocol.lbfgs_steps

    def seed_for(self, purpose: str, replica: int) -> int:
        """The seed of one replica for one purpose: "data" or "initial"."""
        return seed_of(self.seed, self.sweep, self.n_train, replica, purpose)

    def to_json(self) -> str:
        """Canonical JSON: the same point always gives the same text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Point":
        values = json.loads(text)
        values["network"] = Network(**values["network"])
        values["protocol"] = Protocol(**values["protocol"])
        return cls(**values)


@dataclass(frozen=True)
class LinePoint:
    """One P on a line N*(P), with all its replicas. One job searches N* and writes one file.

    `dim` is the input dimension; 0 means d = h, which is possible for random data only. The search starts at the
    smallest width of the ladder with N ≥ `first_ratio`·P. It tries no wider network with N > `max_ratio`·P.
    If `shortest_time` > 0, the search then goes up until a network fits within that number of steps. Then N* is known
    for all times from `shortest_time` on. With 0, N* is known at the end of training only.
    """

    line: str
    dataset: str
    depth: int
    activation: str
    dim: int
    protocol: Protocol
    n_train: int
    replicas: int
    dtype: str
    seed: int
    first_ratio: float
    max_ratio: float
    shortest_time: int = 0

    can_train_together = False  # the next width follows from the outcome of the last one

    @property
    def name(self) -> str:
        """The stem of the point's files, e.g. "P00500"."""
        return f"P{self.n_train:05d}"

    def network(self, width: int) -> Network:
        """The network of this point with a given width."""
        return Network(self.dim or width, width, self.depth, self.activation)

    def seed_for(self, purpose: str, replica: int, width: int = 0) -> int:
        """The seed of one replica for one purpose ("data", "initial" or "batches"), and for one width if given."""
        return seed_of(self.seed, self.line, self.n_train, replica, *([width] if width else []), purpose)

    def to_json(self) -> str:
        """Canonical JSON: the same point always gives the same text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "LinePoint":
        values = json.loads(text)
        values["protocol"] = Protocol(**values["protocol"])
        return cls(**values)
