"""A training in stages: one HingeAdam now, another later, used as one."""

from collections.abc import Callable

import numpy as np


class Stages:
    """What is seen of the optimizer of the moment, `_now`, which may itself be one of stages."""

    params = property(lambda self: self._now.params)
    gradient = property(lambda self: self._now.gradient)
    outputs = property(lambda self: self._now.outputs)
    delta = property(lambda self: self._now.delta)
    labels = property(lambda self: self._now.labels)

    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        """As HingeAdam's, by the optimizer of the moment and in its precision."""
        made = {}

        def outputs() -> np.ndarray:
            if self._now not in made:
                made.clear()
                made[self._now] = self._now.evaluator(inputs)
            return made[self._now]()

        return outputs
