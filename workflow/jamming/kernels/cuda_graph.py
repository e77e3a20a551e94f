"""CUDA graphs: a function that is called many times on the same tensors is recorded once and then replayed.

A step of a small network makes about fifty calls. The processor needs longer to launch each of them than the GPU needs
to run it. A recorded graph is launched once for all of them. JAMMING_CUDA_GRAPH=0 in the environment turns this off.
"""

import os
from collections.abc import Callable

import torch

RECORDS = os.environ.get("JAMMING_CUDA_GRAPH", "1") != "0"
WARM_UP = 3
"""Calls before the recording. Libraries initialize in these calls, since they must not do so during the recording."""


class Repeated:
    """Calls `function`. On CUDA it replays a recorded graph of the function from the fourth call on.

    `function` must not wait for the device. It must read everything that changes between calls from tensors whose
    memory stays the same.
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
    """Runs and records functions on a separate stream, as CUDA graphs require, in order with the current stream."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def run(self, function: Callable[[], None]) -> None:
        """Call the function on the separate stream."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def record(self, function: Callable[[], None]) -> Callable[[], None]:
        """Record a call of the function; return a function that replays it. Recording does not run the call."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            function()
        return graph.replay
