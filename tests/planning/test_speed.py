"""The measured speeds: the formula is found again, and times are those of steps near jamming."""

import re

import numpy as np
import pytest

from jamming import kernels
from jamming.__main__ import main
from jamming.kernels.hinge_adam import HingeAdam
from jamming.planning import speed
from jamming.planning.cost import Step
from jamming.spec import Network


def seconds(net, patterns):
    return 2e-5 + patterns * (3e-10 * net.n_weights + 4e-9 * (net.dim + net.n_hidden))


def test_the_formula_is_found_again():
    networks = [Network(d, h, depth, "relu") for d, h, depth in ((8, 8, 2), (20, 20, 2), (13, 13, 5), (10, 4, 5))]
    rows = [(net, n, seconds(net, n)) for net in networks for n in (100, 3000)]
    np.testing.assert_allclose(speed.fit(rows), (2e-5, 3e-10, 4e-9), rtol=1e-6)


@pytest.mark.parametrize(("name", "together"), [("auto", False), ("batched", False), ("batched", True)])
def test_steps_are_timed_by_processor_time_with_as_many_unsatisfied_as_near_jamming(monkeypatch, name, together):
    """By a clock that counts steps alone, each as long as the formula has it."""
    from jamming.kernels.batched import BatchedHingeAdam

    elapsed, shares = [0.0], []
    kernel = BatchedHingeAdam if together else HingeAdam

    def timed(self, rates):
        patterns = self.labels.numel() if together else len(self.labels)
        shares.extend(n_delta / len(self.labels) for n_delta in self.look()[1] if not together)
        elapsed[0] += len(rates) * seconds(self.network, patterns)

    monkeypatch.setattr(kernel, "advance", timed)
    monkeypatch.setattr(speed.time, "process_time", lambda: elapsed[0])
    backend = kernels.choose("cpu", name, threads=1)
    step = Step("adam", "float64", "relu", together)
    rows = [speed._timed(backend, step, shape, "cpu") for shape in speed.SHAPES]
    np.testing.assert_allclose(speed.fit(rows), (2e-5, 3e-10, 4e-9), rtol=1e-6)
    # Many patterns have the same output where all ReLUs of a layer of four are off.
    assert shares == pytest.approx([0.3] * len(shares), abs=0.1) and (shares or together)


@pytest.mark.parametrize("step", [Step("sgd", "float32", "relu", False), Step("lbfgs", "float64", "tanh", False)])
def test_every_method_can_be_timed(step):
    net, patterns, taken = speed._timed(kernels.choose("cpu", threads=1), step, (4, 4, 2), "cpu")
    assert taken > 0 and 0 < patterns <= 2.6 * net.n_weights + 1


def test_a_plan_of_this_machine(capsys):
    """Everything measured for real."""
    assert main(["plan", "--preset", "paper"]) == 0
    out = capsys.readouterr().out
    for rule in ("train", "find_transition", "measure", "all"):
        assert re.search(rf"│ {rule} *│ *[\d,]+ │ *[\d.e+]+ │ *[\d,]+ h", out), rule
    remarks = " ".join(out.split())
    assert "every training makes all its steps" in remarks and "measured now, in processor time" in remarks
