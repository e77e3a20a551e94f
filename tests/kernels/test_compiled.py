"""The compiled step against torch at all sizes at which its blocks and tiles end; and its compilation."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jamming import kernels
from jamming.datasets import random
from jamming.kernels import build
from jamming.kernels.compiled import CompiledHingeAdam
from jamming.kernels.torch_step import TorchHingeAdam
from jamming.network import initial_params, unpack
from jamming.spec import Network


def pair(network, n_train, dtype="float64"):
    inputs, labels = random.generate(network.dim, n_train, seed=4)
    params = initial_params(network, 5)
    for _, biases in unpack(params, network):
        biases[:] = 0.1 * np.random.default_rng(6).standard_normal(len(biases))
    return (
        kernel(network, params, inputs, labels.astype(float), 0.5, dtype)
        for kernel in (CompiledHingeAdam, TorchHingeAdam)
    )


def assert_same_step(compiled, reference, tolerance):
    assert compiled.compute_gradient() == reference.compute_gradient()
    for name in ("outputs", "delta", "gradient"):
        ours, theirs = getattr(compiled, name), getattr(reference, name)
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max(), name


# A block holds 64 patterns in double precision and 128 in single precision.
@pytest.mark.parametrize("n_train", [2, 7, 63, 64, 65, 127, 128, 129, 500])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_any_number_of_patterns(n_train, activation):
    assert_same_step(*pair(Network(5, 7, 2, activation), n_train), tolerance=1e-13)
    assert_same_step(*pair(Network(5, 7, 2, activation), n_train, "float32"), tolerance=2e-5)


@pytest.mark.parametrize("width", [*range(1, 16), 20, 51])
def test_any_width(width):
    assert_same_step(*pair(Network(width, width, 3, "relu"), 300), tolerance=1e-13)
    assert_same_step(*pair(Network(4, width, 1, "tanh"), 300), tolerance=1e-13)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_many_steps_stay_together(activation):
    """Rounding grows along a trajectory; over a hundred steps it must not reach more than a few digits."""
    compiled, reference = pair(Network(8, 9, 4, activation), 400)
    for step in range(100):
        assert compiled.compute_gradient() == reference.compute_gradient()
        compiled.update(1e-3 / (1 + step))
        reference.update(1e-3 / (1 + step))
    np.testing.assert_allclose(compiled.params, reference.params, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("dtype", "units"), [("float64", 4), ("float32", 4)])
def test_tanh_is_right_to_the_last_digits(dtype, units):
    """One hidden neuron with weight 1 makes the output tanh(x); errors are counted in units of the last place."""
    x = np.concatenate([np.linspace(-25, 25, 20001), np.geomspace(1e-12, 50, 5001), -np.geomspace(1e-12, 50, 5001)])
    x = x.astype(dtype).astype(float)  # what the kernel sees
    network = Network(1, 1, 1, "tanh")
    kernel = CompiledHingeAdam(network, np.array([1.0, 0.0, 1.0, 0.0]), x[:, None], np.ones(len(x)), 0.5, dtype)
    kernel.compute_gradient()
    exact = np.tanh(x)
    spacing = np.spacing(np.abs(exact).astype(dtype)).astype(float)
    assert np.max(np.abs(kernel.outputs.astype(float) - exact) / spacing) <= units


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_network_shows(bad):
    network = Network(3, 4, 2, "relu")
    inputs, labels = random.generate(3, 70, seed=1)
    params = initial_params(network, 1)
    params[5] = bad
    kernel = CompiledHingeAdam(network, params, inputs, labels.astype(float), 0.5)
    kernel.compute_gradient()
    assert not np.isfinite(kernel.delta).all()


def test_all_processor_levels_give_the_same_bits(monkeypatch):
    """Code compiled for narrow registers and code compiled for wide ones give the same bits."""
    if build.processor_level() != "x86_64_v4":
        pytest.skip("needs a processor with AVX-512 to compare it with AVX2")

    def bits(level):
        monkeypatch.setattr(build, "processor_level", lambda: level)
        build.library.cache_clear()
        kernel, _ = pair(Network(9, 10, 3, "tanh"), 333)
        assert level in build.description()
        for _ in range(30):
            kernel.compute_gradient()
            kernel.update(1e-2)
        return kernel.params.tobytes()

    try:
        assert bits("x86_64_v3") == bits("x86_64_v4")
    finally:
        build.library.cache_clear()


# Building


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    build.library.cache_clear()
    yield tmp_path / "cache"
    build.library.cache_clear()


def test_it_is_compiled_once(empty_cache, monkeypatch):
    build.library("compiled")
    (made,) = empty_cache.iterdir()
    assert build.processor_level() in made.name
    build.library.cache_clear()
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("compiled again"))
    build.library("compiled")


def test_a_read_only_cache_is_done_without(empty_cache):
    empty_cache.parent.joinpath("cache").write_text("not a folder")
    assert build.library("compiled").gradient_double
    assert empty_cache.is_file()


def bits_after_a_step():
    build.library.cache_clear()
    kernel, _ = pair(Network(3, 4, 2, "relu"), 20)
    kernel.compute_gradient()
    return kernel.gradient.tobytes()


def test_a_library_that_is_cut_short_or_of_others_is_made_again(empty_cache, monkeypatch):
    """Loading an incomplete library would end the process; one that others can write is unsafe."""
    whole = bits_after_a_step()
    (kept,) = empty_cache.iterdir()
    content = kept.read_bytes()
    monkeypatch.setattr(build, "_compile", lambda command, folder: Path(command[-1]).write_bytes(content))
    for harm in (lambda: kept.write_bytes(content[:1000]), lambda: kept.write_bytes(b""), lambda: kept.chmod(0o664)):
        harm()
        assert bits_after_a_step() == whole
        assert list(empty_cache.iterdir()) == [kept] and kept.read_bytes() == content
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    empty_cache.chmod(0o777)
    assert bits_after_a_step() == whole and stat.S_IMODE(empty_cache.stat().st_mode) == 0o700


def test_a_library_in_a_folder_of_others_is_not_loaded(empty_cache, monkeypatch):
    whole = bits_after_a_step()
    (kept,) = empty_cache.iterdir()
    monkeypatch.setattr(build.os, "geteuid", lambda: kept.stat().st_uid + 1)
    content, made = kept.read_bytes(), []

    def compile_again(command, folder):
        made.append(Path(command[-1]))
        made[-1].write_bytes(content)

    monkeypatch.setattr(build, "_compile", compile_again)
    assert bits_after_a_step() == whole and len(made) == 1


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_nobody_else_can_write_a_library_whatever_the_mask(empty_cache, mask):
    before = os.umask(mask)
    try:
        build._keep(b"a library", "compiled")
    finally:
        os.umask(before)
    (kept,) = empty_cache.iterdir()
    assert (stat.S_IMODE(empty_cache.stat().st_mode), stat.S_IMODE(kept.stat().st_mode)) == (0o700, 0o600)


def test_edited_source_is_compiled_again(empty_cache, tmp_path, monkeypatch):
    build.library("compiled")
    edited = tmp_path / "sources"
    shutil.copytree(build.SOURCES, edited)
    with open(edited / "blocks.h", "a") as header:
        header.write("// edited\n")
    monkeypatch.setattr(build, "SOURCES", edited)
    build.library.cache_clear()
    build.library("compiled")
    assert len(list(empty_cache.iterdir())) == 2


def test_without_a_compiler_torch_does_it_and_says_so(empty_cache, monkeypatch):
    def missing():
        raise build.BuildError("the package ziglang is not installed; install it.")

    monkeypatch.setattr(build, "find_compiler", missing)
    lines = []
    assert kernels.choose("cpu", report=lines.append).name == "torch"
    assert len(lines) == 1 and "ziglang is not installed" in lines[0] and "torch" in lines[0]
    with pytest.raises(ValueError, match="ziglang is not installed"):
        kernels.choose("cpu", "compiled")


def test_where_torch_is_needed_and_not_installed_one_sentence_says_how_to_get_it(empty_cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert kernels.choose("cpu").hinge_adam is CompiledHingeAdam and kernels.resolve_device("cpu") == "cpu"
    installed_by = "needs torch, which is not installed; `make setup-torch` installs it.$"
    for backend in ("torch", "batched"):
        with pytest.raises(ValueError, match=f"^backend '{backend}' on cpu {installed_by}"):
            kernels.choose("cpu", backend)
    for device in ("cuda", "auto"):
        with pytest.raises(ValueError, match=f"^device '{device}' {installed_by}"):
            kernels.resolve_device(device)

    def missing():
        raise build.BuildError("there is no compiler.")

    monkeypatch.setattr(build, "find_compiler", missing)
    build.library.cache_clear()
    with pytest.raises(ValueError, match=rf"cannot be compiled \(there is no compiler\), .* {installed_by}"):
        kernels.choose("cpu")


def test_a_compiler_that_fails_is_named_with_its_words(empty_cache, monkeypatch):
    failing = [sys.executable, "-c", "import sys; sys.exit('error: no such target')"]
    monkeypatch.setattr(build, "find_compiler", lambda: (failing, "some compiler"))
    with pytest.raises(build.BuildError, match="no such target"):
        build.library("compiled")


def test_choice_of_backend():
    assert kernels.choose("cpu").hinge_adam is CompiledHingeAdam
    assert kernels.choose("cpu", "torch").hinge_adam is TorchHingeAdam
    assert kernels.choose("cuda").hinge_adam is TorchHingeAdam
    with pytest.raises(ValueError, match="no backend 'fortran'"):
        kernels.choose("cpu", "fortran")
    with pytest.raises(ValueError, match="runs on the CPU"):
        kernels.choose("cuda", "compiled")


def test_two_processes_build_at_once(tmp_path):
    """Each ends with a working library, and one file stays."""
    code = (
        "import sys; from pathlib import Path; from jamming.kernels import build;"
        f"build.CACHE = Path({str(tmp_path / 'cache')!r}); build.library('compiled').gradient_double"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(build.__file__).parents[2])}
    started = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    assert len(list((tmp_path / "cache").iterdir())) == 1
