"""MNIST: the parity of a digit from the first principal components of its image ([G] Sec. VII, [S] App. B.2)."""

import math
from collections.abc import Iterator

import numpy as np

from .errors import DatasetError

CHUNK = 10_000  # images made float64 at a time: 63 MB


def principal_components(images: np.ndarray, digits: np.ndarray, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `dim` principal components of all images, whitened, in an order that balances the classes.

    `images` is (M, n_pixels) uint8 and `digits` (M,) uint8. Returns inputs (M, dim) float64 and labels (M,) int8:
    +1 for even digits, −1 for odd ones. Components are ordered by decreasing variance. Each is divided by its
    (population) standard deviation. The papers do not mention this whitening, but their runs used it.

    The order is that of `interleaved_order`: the first n patterns hold both classes in equal numbers (±1), until one
    class is used up. Another LAPACK build or number of threads may change the last digits, but no sign and no order.

    Raises DatasetError if `images` is not uint8 or varies along fewer than `dim` directions.
    """
    if images.dtype != np.uint8 or images.ndim != 2 or digits.shape != images.shape[:1]:
        raise DatasetError(
            f"images of shape {images.shape} ({images.dtype}) with digits of shape {digits.shape} are not pixels; "
            "give uint8 images (M, n_pixels) and digits (M,)."
        )
    mean, covariance = _moments(images)
    directions, variances = _leading_directions(covariance, dim)
    whitening = directions / np.sqrt(variances)
    offset = mean @ whitening
    components = np.concatenate([chunk @ whitening - offset for chunk in _chunks(images)])
    labels = np.where(digits % 2 == 0, 1, -1).astype(np.int8)
    order = interleaved_order(labels, seed)
    return components[order], labels[order]


def interleaved_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """A seeded random order of the patterns in which +1 and −1 alternate until one class is used up: (M,) int64."""
    shuffled = np.random.default_rng(seed).permutation(labels.size)
    plus, minus = shuffled[labels[shuffled] > 0], shuffled[labels[shuffled] < 0]
    paired = min(plus.size, minus.size)
    pairs = np.stack([plus[:paired], minus[:paired]], axis=1).ravel()
    return np.concatenate([pairs, plus[paired:], minus[paired:]])


def onto_sphere(inputs: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Inputs (M, dim) minus `centre` (dim,), scaled to |x| = √dim.

    A point at the centre has no direction. It is put at √dim along the first axis, so that no norm is 0 or NaN.
    """
    centred = inputs - centre
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    at_centre = norms[:, 0] == 0
    centred[at_centre, 0] = norms[at_centre, 0] = 1
    return centred * (math.sqrt(inputs.shape[1]) / norms)


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), CHUNK):
        yield images[start : start + CHUNK].astype(np.float64)


def _moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n_pixels,) and population covariance (n_pixels, n_pixels).

    Pixels are integers, and M² · 255² < 2⁵³ for M < 370 000. So every product and sum below is exact. Therefore the
    covariance has the same bits with every BLAS, number of threads and chunk size, and no digits cancel.
    """
    n_images, n_pixels = images.shape
    total, products = np.zeros(n_pixels), np.zeros((n_pixels, n_pixels))
    for chunk in _chunks(images):
        total += chunk.sum(axis=0)
        products += chunk.T @ chunk
    return total / n_images, (n_images * products - np.outer(total, total)) / n_images**2


def _leading_directions(covariance: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The `dim` directions of largest variance (n_pixels, dim), and their variances (dim,), decreasing."""
    n_pixels = len(covariance)
    if not 1 <= dim <= n_pixels:
        raise DatasetError(f"dim = {dim} principal components are impossible; images have 1 to {n_pixels}.")
    from scipy.linalg import eigh  # imported here, since every training would wait for it at the top

    variances, directions = eigh(covariance, subset_by_index=[n_pixels - dim, n_pixels - 1])
    variances, directions = variances[::-1], directions[:, ::-1]
    if not variances[-1] > n_pixels * np.finfo(float).eps * max(variances[0], 0.0):
        raise DatasetError(
            f"these images vary along fewer than dim = {dim} directions; take a smaller dim or more images."
        )
    # An eigenvector's sign is arbitrary and depends on the LAPACK build: make the largest loading positive.
    largest = np.abs(directions).argmax(axis=0)
    return directions * np.sign(directions[largest, np.arange(dim)]), variances
