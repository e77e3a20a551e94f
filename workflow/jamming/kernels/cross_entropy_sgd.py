"""What every implementation of the step on the cross-entropy shares: the order of the batches, and what is saved."""

from abc import ABC, abstractmethod

import numpy as np

from ..batch_norm import batch_size
from ..spec import Network


class CrossEntropySGD(ABC):
    """A batch-normalized network under SGD on ℓ = log(1 + e^{−y f}), the mean over each batch.

    An epoch goes through a permutation of the patterns that follows from the seed and the epoch's number alone; what
    is left over from its last full batch is not used in that epoch. What is seen of it are arrays, as of `HingeAdam`:
    `params`, `gradient` (N + 2Lh + 1,), `labels` (P,), and `batches` (steps_per_epoch, batch_size), the patterns of
    each batch of the epoch that was begun last; and `step`.
    """

    params: np.ndarray
    gradient: np.ndarray

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
        """`params` as `initial_params` has them, `inputs` (P, d), `labels` (P,) of ±1; `seed` orders the batches."""
        self.network, self.seed, self.step = network, seed, 0
        self.labels = np.asarray(labels, dtype)
        self.batch_size = batch_size(len(labels))
        self.steps_per_epoch = len(labels) // self.batch_size
        self._epoch = -1
        self._begin(params, inputs, dtype, device)

    @abstractmethod
    def train_step(self, rate: float) -> None:
        """One SGD step on the next batch: fills `gradient`, moves `params`."""

    @abstractmethod
    def evaluate_all(self) -> np.ndarray:
        """The outputs (P,) of the whole training set as one batch.

        Its own mean and variance normalize each layer. So f depends on the parameters alone, and is the network that
        evaluation mode would give if the running averages had caught up with the present parameters.
        """

    def state(self) -> dict[str, np.ndarray]:
        """A copy of the parameters, from which `load_state` goes on with the same bits."""
        return {"params": np.array(self.params)}

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """Put the optimizer where `state` was taken, after `step` updates."""
        self._put(state["params"])
        self.step = step

    def next_batch(self) -> int:
        """The number of the next batch in `batches`, after a new shuffle if an epoch begins."""
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
        """Make ready the patterns of all batches of an epoch."""
