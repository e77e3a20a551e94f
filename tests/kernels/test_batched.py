"""The step of many replicas together: each follows the reference, and no operation makes a GPU wait."""

import itertools

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.one_step import problem
from jamming.kernels import batched, cuda_graph
from jamming.kernels.batched import BatchedHingeAdam
from jamming.kernels.torch_step import TorchHingeAdam
from jamming.network import forward

MARGIN = 0.5
RATES = np.linspace(2e-2, 1e-4, 60)
FAST = np.full(150, 2e-2)
STATE = ("params", "first_moment", "second_moment")


def problems(activation="relu", depth=2, n_train=60, replicas=3, shared=False):
    """A network, and for each replica the initial parameters, inputs and labels."""
    made = [problem(activation, depth, n_train, seed) for seed in range(replicas)]
    network = made[0][0]
    inputs, labels = ([made[0 if shared else r][what] for r in range(replicas)] for what in (2, 3))
    return network, [params for _, params, _, _ in made], inputs, labels


def easy_and_hard(activation="relu"):
    """Of 60 patterns the first replica has 5 that differ, the second 10: under `FAST` they end, the third does not."""
    network, params, inputs, labels = problems(activation)
    for replica, different in enumerate((5, 10)):
        for patterns in (inputs[replica], labels[replica]):
            patterns[:] = np.resize(patterns[:different], patterns.shape)
    return network, params, inputs, labels


def alone(problem_of_all, replica, rates, optimizer=None):
    """The reference for one replica, to its end or to the end of `rates`; returns N_Δ at each step."""
    network, params, inputs, labels = problem_of_all
    if optimizer is None:
        optimizer = TorchHingeAdam(network, params[replica], inputs[replica], labels[replica], MARGIN)
    counts = []
    for rate in rates:
        counts.append(optimizer.compute_gradient())
        if counts[-1] == 0:
            return optimizer, counts
        optimizer.update(rate)
    counts.append(optimizer.compute_gradient())
    return optimizer, counts


def in_batch(problem_of_all, rates, **options):
    batch = BatchedHingeAdam(*problem_of_all, MARGIN, **options)
    batch.advance(rates)
    return batch


def assert_follows(batch, replica, reference, rtol=1e-9, atol=1e-11):
    for name in ("params", "first_moment", "second_moment", "gradient", "outputs", "delta"):
        ours, theirs = getattr(batch, name)[replica].numpy(), np.asarray(getattr(reference, name))
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=f"{name} of replica {replica}")


@pytest.mark.parametrize("shared", [False, True], ids=["own patterns", "shared patterns"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_each_step_is_the_reference_s(activation, depth, shared):
    """Both start each step from the same state, so the difference is the rounding of one step."""
    whole = problems(activation, depth, shared=shared)
    batch = BatchedHingeAdam(*whole, MARGIN)
    references = [alone(whole, replica, [])[0] for replica in range(3)]
    for rate in RATES[::4]:
        for replica, reference in enumerate(references):
            batch.load_state(replica, reference.state(), reference.step)
        batch.compute_gradient()
        batch.advance([rate])
        for replica, reference in enumerate(references):
            reference.update(rate)
            n_delta = reference.compute_gradient()
            assert_follows(batch, replica, reference, rtol=1e-11, atol=1e-13)
            assert batch.look()[1][replica] == n_delta > 0


@pytest.mark.parametrize("shared", [False, True], ids=["own patterns", "shared patterns"])
def test_shared_patterns_are_stored_once(shared):
    inputs = BatchedHingeAdam(*problems(shared=shared), MARGIN)._inputs
    assert inputs.shape[0] == 3 and (inputs.stride(0) == 0) == shared


def test_replicas_end_where_they_end_alone_and_do_not_move_after():
    whole = easy_and_hard()
    references = [alone(whole, replica, FAST)[0] for replica in range(3)]
    ends = [reference.step for reference in references]
    assert 0 < ends[0] < ends[1] < ends[2] == len(FAST), "the test is of different ends"
    batch = BatchedHingeAdam(*whole, MARGIN)
    for first, second in itertools.pairwise((0, *ends)):
        batch.advance(FAST[first:second])
        steps, n_delta = batch.look()
        assert steps.tolist() == [min(end, second) for end in ends]
        assert [count == 0 for count in n_delta] == [end <= second and end < len(FAST) for end in ends]
    at_the_end = {name: getattr(batch, name).clone() for name in (*STATE, "delta", "outputs")}
    batch.advance(FAST)
    for name, before in at_the_end.items():
        now = getattr(batch, name)
        assert torch.equal(now[:2], before[:2]) and not torch.equal(now[2], before[2]), name
    for replica in (0, 1):
        assert_follows(batch, replica, references[replica], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_replica_does_not_depend_on_those_beside_it(replicas):
    network, params, inputs, labels = problems(replicas=4)
    many = in_batch((network, params, inputs, labels), RATES)
    few = in_batch((network, params[:replicas], inputs[:replicas], labels[:replicas]), RATES)
    np.testing.assert_allclose(few.params.numpy(), many.params[:replicas].numpy(), rtol=1e-9, atol=1e-12)
    others = [params[0], *(other + 1 for other in params[1:])]
    beside_others = in_batch((network, others, inputs, labels), RATES)
    assert torch.equal(beside_others.params[0], many.params[0]), "with as many replicas, bit for bit"


@pytest.mark.parametrize("size", [7, 20, 59])
def test_blocks_change_nothing_but_rounding(size, monkeypatch):
    """With 60 patterns; the last block is never as large as the others."""
    whole = problems(depth=3)
    batch = in_batch(whole, RATES[:20])
    bytes_per_pattern = 3 * (3 * 6 + 2 * 6) * 8
    monkeypatch.setattr(batched, "BUFFER_BYTES", size * bytes_per_pattern + 1)
    in_blocks = in_batch(whole, RATES[:20])
    sizes = [block.patterns.stop - block.patterns.start for block in in_blocks._blocks]
    assert len(batch._blocks) == 1 and max(sizes) <= size and sum(sizes) == 60
    np.testing.assert_allclose(in_blocks.params.numpy(), batch.params.numpy(), rtol=1e-9, atol=1e-12)
    assert in_blocks.look()[1].tolist() == batch.look()[1].tolist()


def test_single_precision_follows_double_precision():
    whole = problems()
    single, double = (BatchedHingeAdam(*whole, MARGIN, dtype) for dtype in ("float32", "float64"))
    single.advance(RATES[:5])
    double.advance(RATES[:5])
    assert single.params.dtype == torch.float32
    torch.testing.assert_close(single.params.double(), double.params, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("cut", [1, 41, 43, 120])
def test_a_saved_state_goes_on_with_the_same_bits(cut):
    whole = easy_and_hard()
    uncut, first, second = (BatchedHingeAdam(*whole, MARGIN) for _ in range(3))
    uncut.advance(FAST)
    first.advance(FAST[:cut])
    for replica, step in enumerate(first.look()[0]):
        second.load_state(replica, {name: getattr(first, name)[replica].numpy() for name in STATE}, step)
    second.go_to(cut)
    second.compute_gradient()
    second.advance(FAST[cut:])
    assert torch.equal(second.params, uncut.params) and second.look()[0].tolist() == uncut.look()[0].tolist()


def test_a_replica_that_is_ahead_waits_and_one_that_is_absent_stays():
    whole = problems()
    uncut = in_batch(whole, RATES)
    ahead = in_batch(whole, RATES[:20])
    batch = BatchedHingeAdam(*whole, MARGIN)
    batch.load_state(1, {name: getattr(ahead, name)[1].numpy() for name in STATE}, 20)
    batch.leave_out(2)
    batch.compute_gradient()
    batch.advance(RATES[:10])
    assert torch.equal(batch.params[1], ahead.params[1]) and batch.look()[0].tolist() == [10, 20, batched.ABSENT]
    batch.advance(RATES[10:])
    assert torch.equal(batch.params[:2], uncut.params[:2])
    np.testing.assert_array_equal(batch.params[2].numpy(), whole[1][2])


@pytest.mark.parametrize("piece", [1, 1000])
def test_other_inputs_are_evaluated_at_the_parameters_of_the_moment(piece, monkeypatch):
    whole = problems("tanh", 3, replicas=2)
    network, _, inputs, _ = problem("tanh", 3, n_train=33, seed=5)
    monkeypatch.setattr(batched, "BUFFER_BYTES", 16 * 6 * piece)
    batch = BatchedHingeAdam(*whole, MARGIN)
    evaluate = batch.evaluator(inputs)
    for replica in (0, 1):
        batch.advance(RATES[:3])
        exact = forward(batch.params[replica].numpy(), inputs, network)[0]
        np.testing.assert_allclose(evaluate(replica), exact, rtol=1e-12, atol=1e-14)


def test_a_replica_that_diverges_leaves_the_others_alone():
    whole = problems()
    well = in_batch(whole, RATES[:10])
    whole[1][1][3] = np.nan
    batch = in_batch(whole, RATES[:10])
    assert torch.equal(batch.params[::2], well.params[::2])
    assert batch.look()[1][1] == 0 and not torch.isfinite(batch.delta[1]).any()


# What a GPU asks of a step, as far as it can be seen without one


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_step_asks_nothing_of_the_device(activation):
    """A tensor on the device `meta` has a shape and no numbers, so reading a number is an error."""
    whole = problems(activation)
    batch = BatchedHingeAdam(*whole, MARGIN, device="meta")
    batch.advance(RATES[:3])
    with pytest.raises((RuntimeError, NotImplementedError)):
        batch.look()


class Tape(TorchDispatchMode):
    """A stand-in for a CUDA graph on the CPU: it records every operation with its tensors."""

    def __init__(self):
        super().__init__()
        self.notes = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        returned = function(*args, **(kwargs or {}))
        self.notes.append((function, args, kwargs or {}, returned))
        return returned

    def replay(self):
        """Repeat all operations with the tensors and Python numbers of the recording."""
        for function, args, kwargs, returned in self.notes:
            again = function(*args, **kwargs)
            # A view is the same place again.
            if again.data_ptr() != returned.data_ptr():
                returned.copy_(again)


class TapeRecording:
    """As `cuda_graph.Recording`, but on a tape. Like a graph, it does not run the recorded call."""

    def __init__(self):
        self.runs = 0

    def run(self, function):
        self.runs += 1
        function()

    def record(self, function):
        batch = function.__self__
        tensors = [tensor for tensor in vars(batch).values() if isinstance(tensor, torch.Tensor)]
        before = [tensor.clone() for tensor in tensors]
        with Tape() as tape:
            function()
        for tensor, values in zip(tensors, before, strict=True):
            if tensor.data_ptr() != batch._inputs.data_ptr():
                tensor.copy_(values)
        return tape.replay


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_recorded_step_is_the_step(activation, monkeypatch):
    """After loads, jumps and ends of replicas, the recording still gives the step: it holds no old numbers."""
    batches = [BatchedHingeAdam(*easy_and_hard(activation), MARGIN) for _ in range(2)]
    recording = TapeRecording()
    monkeypatch.setattr(batches[1]._repeat, "_recording", recording)
    for batch in batches:
        batch.advance(RATES[:20])
        batch.load_state(2, {name: getattr(batch, name)[1].numpy() for name in STATE}, 5)
        batch.leave_out(1)
        batch.go_to(5)
        batch.compute_gradient()
        batch.advance(FAST)
    plain, recorded = batches
    assert recording.runs == cuda_graph.WARM_UP and recorded._repeat._replay is not None
    for name in (*STATE, "gradient", "delta", "outputs", "n_delta", "steps"):
        assert torch.equal(getattr(plain, name), getattr(recorded, name)), name
    assert plain.look()[0][2] > 5


def test_graphs_are_for_cuda_alone(monkeypatch):
    made = []
    monkeypatch.setattr(cuda_graph, "Recording", lambda: made.append("recording"))
    for device, recorded in (("cpu", 0), ("cuda", 1), ("cuda:1", 2)):
        cuda_graph.Repeated(lambda: None, device)
        assert len(made) == recorded
    monkeypatch.setattr(cuda_graph, "RECORDS", False)
    cuda_graph.Repeated(lambda: None, "cuda")
    assert len(made) == 2


def test_updates_are_torch_adam_s():
    """Independent of the reference: autograd and torch.optim.Adam on the sum of the losses over replicas."""
    network, params, inputs, labels = problems("tanh", 2)
    batch = in_batch((network, params, inputs, labels), RATES[:30])
    together = torch.tensor(np.array(params), requires_grad=True)
    plain = torch.optim.Adam([together], betas=(0.9, 0.999), eps=1e-8)
    widths = [network.dim, *[network.width] * network.depth, 1]
    for rate in RATES[:30]:
        plain.param_groups[0]["lr"] = rate
        plain.zero_grad()
        active, start = torch.tensor(np.array(inputs)), 0
        for number, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            weights = together[:, start : start + n_in * n_out].reshape(-1, n_out, n_in)
            biases = together[:, start + n_in * n_out : start + n_in * n_out + n_out]
            start += n_in * n_out + n_out
            active = active @ weights.transpose(1, 2) + biases[:, None, :]
            active = torch.tanh(active) if number < network.depth else active
        overlap = MARGIN - torch.tensor(np.array(labels)) * active[..., 0]
        (torch.relu(overlap) ** 2).mean(1).div(2).sum().backward()
        plain.step()
    np.testing.assert_allclose(batch.params.numpy(), together.detach().numpy(), rtol=1e-9, atol=1e-11)
