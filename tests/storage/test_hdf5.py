"""HDF5 files that we did not write: each is refused for one reason, at once and with little memory.

Each file is sealed after it was made up, as whoever means harm would do.
"""

import io
import json
import random
import subprocess
import sys
import time
import zlib

import h5py
import numpy as np
import pytest

from helpers.workflow_copy import environment
from jamming.storage import hdf5, store

HEAD = {"format": "jamming", "format_version": store.FORMAT_VERSION, "kind": "run", "spec": "{}", "provenance": "{}"}
TREE = {
    "replica_00": {
        "converged": True,
        "loss": 0.25,
        "final": {"delta": np.linspace(-1, 1, 40), "steps": np.arange(3000)},
        "status": np.array(["found", "never_fitted"]),
    }
}


def sealed(content):
    return hdf5.seal(content) + bytes(content[hdf5.SEAL_SIZE :])


def says(file, name, value):
    """Set an attribute, with text as we write it."""
    text = value.encode() if isinstance(value, str) else b""
    file.attrs[name] = np.array(text, h5py.string_dtype(length=len(text))) if text else value


def made_up(change):
    content = io.BytesIO()
    with h5py.File(content, "w", userblock_size=hdf5.SEAL_SIZE) as file:
        for name, value in HEAD.items():
            says(file, name, value)
        file["replica_00/loss"] = np.zeros(3)
        change(file)
    return sealed(content.getvalue())


def virtual(file):
    layout = h5py.VirtualLayout((10**14,), "f8")
    layout[:3] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("x", layout)


def bomb(file):
    made = file.create_dataset("x", (100_000,), "i1", chunks=(100_000,), compression="gzip")
    made.id.write_direct_chunk((0,), zlib.compress(bytes(400_000_000)))


def cycle(file):
    file["replica_00/again"] = file["replica_00"]


def nested(file):
    for _ in range(100):
        file = file.create_group("g")


CASES = {
    "soft link": lambda file: file.__setitem__("x", h5py.SoftLink("/nowhere")),
    "external link": lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")),
    "external storage": lambda file: file.create_dataset("x", (100,), "i1", external=[("/etc/passwd", 0, 100)]),
    "virtual": virtual,
    "named datatype": lambda file: file.__setitem__("x", np.dtype("f8")),
    "words of any length": lambda file: file.create_dataset("x", data=["a", "b"], dtype=h5py.string_dtype()),
    "compound": lambda file: file.create_dataset("x", data=np.zeros(3, [("a", "f8"), ("b", "i4")])),
    "references": lambda file: file.create_dataset("x", data=[file.ref], dtype=h5py.ref_dtype),
    "opaque": lambda file: file.create_dataset("x", data=np.zeros(3, "V8")),
    "empty": lambda file: file.create_dataset("x", data=h5py.Empty("f8")),
    "a single number": lambda file: file.create_dataset("x", data=1.0),
    "5e9 bytes never written": lambda file: file.create_dataset("x", (5 * 10**9,), "i1"),
    "1e14 chunked, never written": lambda file: file.create_dataset("x", (10**14,), "f8", chunks=(1000,)),
    "little, never written": lambda file: file.create_dataset("x", (1000,), "f8"),
    "little chunked, never written": lambda file: file.create_dataset("x", (1000,), "f8", chunks=(100,)),
    "a compressed bomb": bomb,
    "another filter": lambda file: file.create_dataset("x", data=np.zeros(3000), compression="lzf"),
    "a cycle": cycle,
    "deep nesting": nested,
    "an attribute of many": lambda file: file.attrs.__setitem__("x", np.zeros(10)),
    "an empty attribute": lambda file: file.attrs.__setitem__("x", h5py.Empty("f8")),
    "an attribute of a word of any length": lambda file: file.attrs.__setitem__("x", "word"),
    "a name twice": lambda file: file.attrs.__setitem__("replica_00", 1),
    "spec: a list": lambda file: says(file, "spec", "[]"),
    "spec: a number": lambda file: says(file, "spec", 7),
    "spec: not JSON": lambda file: says(file, "spec", "{"),
    "spec: deep JSON": lambda file: says(file, "spec", "[" * 30_000),
    "spec: many digits": lambda file: says(file, "spec", '{"a": ' + "9" * 6000 + "}"),
    "provenance: a word": lambda file: says(file, "provenance", json.dumps("x")),
    "version: a word": lambda file: says(file, "format_version", "2"),
    "kind: a number": lambda file: says(file, "kind", 3),
    "no kind": lambda file: file.attrs.__delitem__("kind"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_we_do_not_write_is_refused(tmp_path, case):
    path = tmp_path / "made_up.h5"
    path.write_bytes(made_up(CASES[case]))
    started = time.process_time()
    with pytest.raises(store.StoreError, match=r"made_up\.h5 .*; (delete it and run|give the right file)") as caught:
        store.read(path, "run")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    assert time.process_time() - started < 2


def test_a_sound_file_of_the_same_making_is_read():
    """Otherwise the tests above could pass because no forged file is ever read."""
    assert hdf5.unpacked(made_up(lambda file: None))["replica_00"]["loss"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("case", ["virtual", "5e9 bytes never written", "a compressed bomb"])
def test_little_memory_is_taken(tmp_path, case):
    (tmp_path / "made_up.h5").write_bytes(made_up(CASES[case]))
    code = f"""
import resource, sys
from jamming.storage import store
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    store.read({str(tmp_path / "made_up.h5")!r}, "run")
except store.StoreError:
    sys.exit(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > 100_000)
"""
    subprocess.run([sys.executable, "-c", code], env=environment(PYTHONPATH=":".join(sys.path)), check=True)


def test_what_compresses_too_well_is_written_as_it_is():
    """A reader would refuse a small file that unpacks to so much."""
    zeros = {"x": np.zeros(10**8, "i1")}
    content = bytes(hdf5.packed({}, zeros))
    assert len(content) > 10**8 and hdf5.unpacked(content)["x"].size == 10**8


def damaged(content, chance):
    """A file with some bytes changed, removed or repeated."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place, length = chance.randrange(hdf5.SEAL_SIZE, len(made)), chance.choice([1, 1, 2, 8, 64])
        how = chance.choice(["bit", "bytes", "zeros", "ones", "cut", "repeat"])
        if how == "bit":
            made[place] ^= 1 << chance.randrange(8)
        elif how == "cut":
            del made[place : place + length]
        elif how == "repeat":
            made[place:place] = made[place : place + length]
        else:
            filled = {"bytes": chance.randbytes(length), "zeros": bytes(length), "ones": b"\xff" * length}[how]
            made[place : place + length] = filled
    return bytes(made)


@pytest.mark.parametrize("as_made_up", [False, True])
def test_damaged_files_are_refused_or_of_our_kind(as_made_up):
    """None is accepted as it is. With a new seal HDF5 sees the damage, and accepts only trees like ours."""
    content, chance = bytes(hdf5.packed(HEAD, TREE)), random.Random(13)
    for _ in range(60):
        one = damaged(content, chance)
        if one == content:
            continue
        try:
            tree = hdf5.unpacked(sealed(one) if as_made_up else one)
        except hdf5.DamageError as error:
            assert "\n" not in str(error)
        else:
            assert as_made_up and isinstance(tree, dict)
