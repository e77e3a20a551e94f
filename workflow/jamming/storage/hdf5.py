"""Convert a tree of values to the bytes of an HDF5 file, and back.

Groups are dicts, datasets are arrays, attributes are scalars and strings. HDF5 leaves the first 512 bytes of a file to
the user. Here they hold the sha256 of the rest. So every changed bit is noticed, and HDF5 never parses an incomplete
file. The hash does not stop a person who makes a harmful file with a right hash. Therefore each object is checked
before HDF5 reads it: no links to other files, no virtual datasets, no array larger than the file can hold.
"""

import hashlib
import io
import math
from collections.abc import Collection, Mapping

import h5py
import numpy as np

SEAL_SIZE = 512
SEALED = b"jamming: HDF5 begins after 512 bytes; sha256 from there on: "
SIGNATURE = b"\x89HDF\r\n\x1a\n"
LIBRARY = ("v110", "v110")  # older formats cannot hold words of fixed length above 64 kB
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}
# A tree that compresses better than this is written uncompressed. So a reader can refuse a small file that would fill
# the memory.
BEST_COMPRESSION, ALWAYS_ALLOWED, LARGEST_CHUNK = 16, 2**26, 2**18
# No tree of this package is deeper. Each group or array counts as this many bytes of memory, which bounds their number.
DEEPEST, LEAST = 20, 4096


class DamageError(ValueError):
    """These bytes are not a tree that `packed` wrote. The message says what is wrong, as a part of a sentence."""


def packed(attributes: Mapping[str, object], tree: Mapping) -> memoryview:
    """The bytes of an HDF5 file with this tree, and with additional attributes at its root.

    Raises TypeError for a value that HDF5 cannot hold.
    """
    content = _built(attributes, tree, compress=True)
    if _bytes_of(tree) > _most_bytes(len(content)):
        content = _built(attributes, tree, compress=False)
    content[:SEAL_SIZE] = seal(content)
    return content


def seal(content: bytes | memoryview) -> bytes:
    """The right first 512 bytes of a file, computed from all others."""
    digest = hashlib.sha256(memoryview(content)[SEAL_SIZE:]).hexdigest()
    return (SEALED + digest.encode()).ljust(SEAL_SIZE - 1) + b"\n"


def unpacked(content: bytes, skip: Collection[str] = (), arrays: bool = True) -> dict:
    """The tree in these bytes, without the names in `skip`, and without arrays if `arrays` is false.

    Raises DamageError if any bit has changed, or if the file holds something that `packed` does not write.
    """
    if content[:SEAL_SIZE] != seal(content):
        raise DamageError("cut short, or changed since it was written")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return _Reader(skip, arrays, len(content)).read(file)
    except DamageError:
        raise
    except Exception as error:  # h5py raises errors of every kind for a forged file
        raise DamageError(" ".join(str(error).split())) from error


def _built(attributes: Mapping[str, object], tree: Mapping, compress: bool) -> memoryview:
    # Built in memory, since HDF5 fails badly on a full disk.
    content = io.BytesIO()
    with h5py.File(content, "w", userblock_size=SEAL_SIZE, libver=LIBRARY) as file:
        for name, value in attributes.items():
            file.attrs[name] = _scalar(value)
        _write(file, tree, compress)
    return content.getbuffer()


def _write(group: h5py.Group, tree: Mapping, compress: bool) -> None:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            _write(group.create_group(name), value, compress)
        elif isinstance(value, np.ndarray) and value.ndim > 0:
            # Floats do not compress, because their mantissas are random. Counts, pixels and steps do.
            pays = compress and value.dtype.kind in "iub" and value.nbytes >= 4096
            options = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if pays else {}
            if value.dtype.kind == "U":
                value = np.char.encode(value, "utf-8")
                value = value.astype(h5py.string_dtype(length=max(1, value.dtype.itemsize)))
            group.create_dataset(name, data=value, **options)
        else:
            group.attrs[name] = _scalar(value)


def _scalar(value: object) -> object:
    # Text has a fixed length: HDF5 keeps other text in a heap, and a forged heap makes it read for ever.
    if not isinstance(value, str):
        return value
    text = value.encode()
    return np.array(text, dtype=h5py.string_dtype(length=max(1, len(text))))


class _Reader:
    """Reads a tree. It checks each object before HDF5 reads it, and refuses objects that `packed` does not write."""

    def __init__(self, skip: Collection[str], arrays: bool, n_bytes: int):
        self._skip, self._arrays, self._left = skip, arrays, _most_bytes(n_bytes)

    def read(self, group: h5py.Group, depth: int = 0) -> dict:
        if depth > DEEPEST:
            raise DamageError(f"its groups are nested more than {DEEPEST} deep")
        tree = {name: _attribute(group, name) for name in group.attrs}
        for name in group:
            self._take(LEAST, name)
            if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
                raise DamageError(f"{name} in {group.name} is a link")
            item = group[name]
            if name in tree or h5py.h5o.get_info(item.id).rc != 1:
                raise DamageError(f"{item.name} is there twice")
            if isinstance(item, h5py.Group):
                if name not in self._skip:
                    tree[name] = self.read(item, depth + 1)
            elif not isinstance(item, h5py.Dataset):
                raise DamageError(f"{item.name} is neither a group nor an array")
            elif self._arrays and name not in self._skip:
                tree[name] = self._array(item)
        return tree

    def _array(self, item: h5py.Dataset) -> np.ndarray:
        made, one = item.id.get_create_plist(), item.id.get_type().get_size()
        text = h5py.check_string_dtype(item.dtype)
        if item.dtype.kind not in "biuf" and (text is None or text.length is None):
            raise DamageError(f"{item.name} holds neither numbers nor words of fixed length")
        if not item.shape or made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
            raise DamageError(f"{item.name} has no numbers of its own in this file")
        self._take(item.size * one, item.name)
        if made.get_layout() == h5py.h5d.CHUNKED:
            filters = {made.get_filter(number)[0] for number in range(made.get_nfilters())}
            of_chunk = math.prod(item.chunks)
            whole = of_chunk * item.id.get_num_chunks() >= item.size
            if not filters <= FILTERS or of_chunk * one > LARGEST_CHUNK or _largest_stored(item) > LARGEST_CHUNK:
                raise DamageError(f"{item.name} is compressed in another way than ours")
        else:
            whole = item.id.get_storage_size() == item.size * one
        if not whole:
            raise DamageError(f"{item.name} is not there in full")
        return item.asstr()[()] if text else item[()]

    def _take(self, n_bytes: int, name: str) -> None:
        self._left -= n_bytes
        if self._left < 0:
            raise DamageError(f"{name} is larger than this file can hold")


def _largest_stored(item: h5py.Dataset) -> int:
    """Bytes of the largest compressed chunk."""
    sizes = [0]
    item.id.chunk_iter(lambda chunk: sizes.append(chunk.size))
    return max(sizes)


def _attribute(group: h5py.Group, name: str) -> object:
    opened = group.attrs.get_id(name)
    text = h5py.check_string_dtype(opened.dtype)
    if opened.shape != () or (opened.dtype.kind not in "biuf" and (text is None or text.length is None)):
        raise DamageError(f"the attribute {name} of {group.name} is no single number or word")
    value = group.attrs[name]
    return value.decode() if text else value.item() if isinstance(value, np.generic) else value


def _bytes_of(tree: Mapping) -> int:
    return sum(_bytes_of(value) if isinstance(value, Mapping) else np.asarray(value).nbytes for value in tree.values())


def _most_bytes(file_size: int) -> int:
    """The largest number of bytes that the arrays of a file of this size may take in memory."""
    return ALWAYS_ALLOWED + BEST_COMPRESSION * file_size
