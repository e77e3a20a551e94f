"""A function on tensors that never change place, called again and again: on CUDA it is recorded once and replayed.

A step of a small network is some fifty calls, each of which takes the processor longer to ask for than the GPU to do.
As one recorded graph it is asked for once. JAMMING_CUDA_GRAPH=0 in the environment turns this off.
"""

import os
from collections.abc import Callable

import torch

RECORDS = os.environ.get("JAMMING_CUDA_GRAPH", "1") != "0"
WARM_UP = 3
"""Calls before the recording, in which libraries set up what they may not set up during it."""


class Repeated:
    """Calls `function`; on CUDA, from the fourth call on, by replaying a graph of it.

    `function` may wait for nothing and must read all that changes between calls from tensors that keep their place.
    """

    def __init__(self, function: Callable[[], None], device: str):
        self._function, self._calls = function, 0
        self._recording = Recording() if RECORDS and torch.device(device).type == "cuda" else None
        self._replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        if self._recording is None:
            self._function()
        elif self._replay is not None:
            self._replay()
        else:
            self._recording.run(self._function)
            self._calls += 1
            if self._calls == WARM_UP:
                self._replay = self._recording.record(self._function)


class Recording:
    """Running and recording on a stream of its own, as CUDA graphs want it, in order with the stream in use."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def run(self, function: Callable[[], None]) -> None:
        """Call the function."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def record(self, function: Callable[[], None]) -> Callable[[], None]:
        """What repeats a call of the function; the call itself is only recorded, not done."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            function()
        return graph.replay
