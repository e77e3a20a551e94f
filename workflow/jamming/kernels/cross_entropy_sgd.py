"""The interface of the training step on the cross-entropy, and its shared parts: order of the batches, saved state."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..batch_norm import batch_size, check_every
from ..spec import Network


class CrossEntropySGD(ABC):
    """A batch-normalized network under SGD on ℓ = log(1 + e^{−y f}), the mean over each batch.

    An epoch goes through a permutation of the patterns, which follows from the seed and the epoch's number alone. An
    epoch uses full batches only: patterns left over after the last full batch are not used in it.

    The training loop calls `look` and `advance`, as with `HingeAdam`. Arrays: `params`, `gradient` (N + 2Lh + 1,),
    `labels` (P,), and `batches` (steps_per_epoch, batch_size), the indices of the patterns in each batch of the last
    epoch begun. `step` is the number of steps made.
    """

    params: np.ndarray
    gradient: np.ndarray

    is_done = False

    def __init__(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        seed: int,
        dtype: str = "float64",
        device: str = "cpu",
    ):
        """`params` in the layout of `batch_norm`, `inputs` (P, d), `labels` (P,) of ±1. `seed` orders the batches."""
        self.network, self.seed, self.step = network, seed, 0
        self.labels = np.asarray(labels, dtype)
        self.batch_size = batch_size(len(labels))
        self.steps_per_epoch = len(labels) // self.batch_size
        self._epoch = -1
        self._unfitted = len(labels)
        self._begin(params, inputs, dtype, device)

    @property
    def members(self) -> list["CrossEntropySGD"]:
        """The networks trained here: this one."""
        return [self]

    @property
    def outputs(self) -> np.ndarray:
        """The outputs (P,) of the whole training set as one batch, at the present parameters."""
        return self.evaluate_all()

    @property
    def loss(self) -> float:
        """The mean of ℓ over the training set."""
        with np.errstate(invalid="ignore"):  # a diverged network has the loss NaN
            return float(np.logaddexp(0, -self.labels * self.outputs).mean())

    def look(self) -> tuple[list[int], list[int]]:
        """The step, and the number of patterns without y f > 0 at the last count.

        They are counted every `batch_norm.check_every` steps. Before the first count the number is P.
        """
        if self.step % check_every(len(self.labels)) == 0:
            self._unfitted = int((~(self.outputs * self.labels > 0)).sum())
        return [self.step], [self._unfitted]

    def advance(self, rates: Sequence[float]) -> None:
        """Make one step at each of these learning rates."""
        for rate in rates:
            self.train_step(rate)

    @abstractmethod
    def train_step(self, rate: float) -> None:
        """Make one SGD step on the next batch: fill `gradient`, change `params`."""

    @abstractmethod
    def evaluate_all(self) -> np.ndarray:
        """The outputs (P,) of the whole training set as one batch.

        Each layer is normalized by the mean and variance of the training set. So f depends on the parameters alone. It
        equals evaluation mode with running averages that have converged at the present parameters.
        """

    def state(self) -> dict[str, np.ndarray]:
        """A copy of the parameters, from which `load_state` goes on with the same bits."""
        return {"params": np.array(self.params)}

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """Set the optimizer to `state`, which was taken after `step` updates."""
        self._put(state["params"])
        self.step = step

    def next_batch(self) -> int:
        """The row of the next batch in `batches`. At the start of an epoch `batches` is shuffled first."""
        epoch, number = divmod(self.step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.labels))
            self.batches = order[: self.steps_per_epoch * self.batch_size].reshape(-1, self.batch_size)
            self._lay_out()
            self._epoch = epoch
        return number

    @abstractmethod
    def _begin(self, params: np.ndarray, inputs: np.ndarray, dtype: str, device: str) -> None:
        """Set up the parameters, and lay out all patterns."""

    @abstractmethod
    def _put(self, params: np.ndarray) -> None:
        """Overwrite the parameters."""

    @abstractmethod
    def _lay_out(self) -> None:
        """Prepare the patterns of all batches of an epoch."""
