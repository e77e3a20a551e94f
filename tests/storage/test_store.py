"""Results in HDF5: a result is read back as it was written, and nothing else is accepted."""

import os
import random
import subprocess
import sys

import h5py
import numpy as np
import pytest

from helpers.small_disk import small_disk
from jamming.storage import store

TREE = {
    "count": 3,
    "name": "Δ",
    "flag": True,
    "group": {"values": np.linspace(0, 1, 5), "counts": np.arange(10_000), "deep": {"x": 1.5}},
    "words": np.array(["relu", "tanh"]),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "result.h5"
    store.write(path, "run", {"sweep": "relu_L2"}, TREE, {"threads": 1})
    return path


def test_round_trip(path):
    result = store.read(path, "run")
    assert result.spec == {"sweep": "relu_L2"}
    assert result.provenance == {"threads": 1}
    assert set(result.tree) == set(TREE)
    assert result.tree["count"] == 3 and result.tree["name"] == "Δ" and result.tree["group"]["deep"]["x"] == 1.5
    np.testing.assert_array_equal(result.tree["group"]["values"], TREE["group"]["values"])
    assert list(result.tree["words"]) == ["relu", "tanh"]


def test_parts_can_be_left_out(path):
    tree = store.read(path, "run", skip=("deep", "counts")).tree
    assert set(tree["group"]) == {"values"}


def test_counts_are_compressed(path):
    with h5py.File(path) as file:
        assert file["group/counts"].compression == "gzip"


def test_nothing_is_left_beside_the_result(path):
    assert [entry.name for entry in path.parent.iterdir()] == ["result.h5"]


def test_the_old_result_survives_a_write_that_fails(path):
    with pytest.raises(TypeError):
        store.write(path, "run", {}, {"bad": np.array([object()])}, {})
    assert store.read(path, "run").tree["count"] == 3
    assert [entry.name for entry in path.parent.iterdir()] == ["result.h5"]


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -1])
def test_truncated_files_are_refused_by_name(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.raises(store.StoreError, match=r"result\.h5 is (truncated|damaged)"):
        store.read(path, "run")


def test_a_flipped_bit_is_refused_by_name_wherever_it_is(path):
    """140 bits: 100 anywhere, and 40 in the block before HDF5 begins."""
    content, places = path.read_bytes(), random.Random(1)
    for n in range(140):
        damaged = bytearray(content)
        damaged[places.randrange(len(content) if n < 100 else 512)] ^= 1 << places.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(store.StoreError, match=r"result\.h5 is (damaged|truncated)"):
            store.read(path, "run")


def test_an_edit_by_another_program_is_refused_by_name(path):
    with h5py.File(path, "r+") as file:
        file["group/values"][0] = 2.0
    with pytest.raises(store.StoreError, match=r"result\.h5 is damaged \(cut short, or changed since"):
        store.read(path, "run")


def test_other_programs_read_it(path):
    with h5py.File(path) as file:
        assert file.attrs["kind"].decode() == "run" and file.userblock_size == 512
        assert file["words"].asstr()[()].tolist() == ["relu", "tanh"]


def test_foreign_files_are_refused_by_name(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(store.StoreError, match=r"foreign\.h5 is an HDF5 file of another program"):
        store.read(path, "run")


def test_other_kinds_are_refused(path):
    with pytest.raises(store.StoreError, match="holds 'run' where 'table' is needed"):
        store.read(path, "table")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(store.StoreError, match=r"nothing\.h5 does not exist"):
        store.read(tmp_path / "nothing.h5", "run")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(store.StoreError, match=r"cannot write .*file/result\.h5"):
        store.write(tmp_path / "file" / "result.h5", "run", {}, {}, {})


def test_a_full_disk_is_one_sentence_and_leaves_the_old_result(path):
    """The size limit of a child process stands in for a full disk: both end in a failed write."""
    code = f"""
import resource, sys
import numpy as np
from helpers.small_disk import small_disk
from jamming.storage import store
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    store.write({str(path)!r}, "run", {{}}, {{"x": np.zeros(10**6)}}, {{}})
except store.StoreError as error:
    sys.exit(str(error))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "cannot write" in done.stderr and "free some space" in done.stderr
    assert store.read(path, "run").tree["count"] == 3
    assert [entry.name for entry in path.parent.iterdir()] == ["result.h5"]


@pytest.mark.parametrize("kilobytes", [4, 8, 16, 64, 196])
def test_a_small_disk_fills_and_every_older_result_stays(tmp_path, kilobytes):
    """Larger and larger results until one does not fit, under new names and under a used one."""
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        written = {}
        with pytest.raises(store.StoreError, match=r"\.h5: .*No space left on device.*; free some space"):
            for size in range(0, 100_000, 500):
                path = disk / f"{size}.h5"
                store.write(path, "run", {}, {"x": np.zeros(size)}, {})
                written[path] = path.read_bytes()
        for path in written:
            with pytest.raises(store.StoreError, match="free some space"):
                store.write(path, "run", {}, {"x": np.zeros(100_000)}, {})
        assert {path: path.read_bytes() for path in disk.iterdir()} == written


def test_provenance_names_versions_and_inputs(path):
    made = store.provenance({"run": path}, threads=2, device="cpu")
    assert made["inputs"]["run"] == store.sha256_of(path)
    assert made["packages"]["numpy"] == np.__version__
    assert made["threads"] == 2
    assert "commit" in made and "dirty" in made
