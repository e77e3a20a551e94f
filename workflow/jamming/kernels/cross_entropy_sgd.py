"""What every implementation of the step on the cross-entropy shares: the order of the batches, and what is saved."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..batch_norm import batch_size, check_every
from ..spec import Network


class CrossEntropySGD(ABC):
    """A batch-normalized network under SGD on ℓ = log(1 + e^{−y f}), the mean over each batch.

    An epoch goes through a permutation of the patterns that follows from the seed and the epoch's number alone; what
    is left over from its last full batch is not used in that epoch. As with `HingeAdam`, the training loop calls `look`
    and `advance`, and what is seen are arrays: `params`, `gradient` (N + 2Lh + 1,), `labels` (P,), and `batches`
    (steps_per_epoch, batch_size), the patterns of each batch of the epoch that was begun last; and `step`.
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
        """`params` as `initial_params` has them, `inputs` (P, d), `labels` (P,) of ±1; `seed` orders the batches."""
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
        """The outputs (P,) of the whole training set as one batch, at the parameters of the moment."""
        return self.evaluate_all()

    @property
    def loss(self) -> float:
        """The mean of ℓ over the training set."""
        with np.errstate(invalid="ignore"):  # a diverged network has the loss NaN
            return float(np.logaddexp(0, -self.labels * self.outputs).mean())

    def look(self) -> tuple[list[int], list[int]]:
        """The step, and how many patterns were not classified correctly when that was last counted.

        They are counted once in `batch_norm.check_every` steps; before that all are taken to be wrong.
        """
        if self.step % check_every(len(self.labels)) == 0:
            self._unfitted = int((~(self.outputs * self.labels > 0)).sum())
        return [self.step], [self._unfitted]

    def advance(self, rates: Sequence[float]) -> None:
        """One step at each of these learning rates."""
        for rate in rates:
            self.train_step(rate)

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
