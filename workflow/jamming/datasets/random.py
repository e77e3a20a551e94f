"""Random data: patterns on a sphere, with labels independent of them ([G] Sec. III, [S] App. B.1)."""

import math

import numpy as np

from .errors import DatasetError


def generate(dim: int, n_patterns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw patterns uniformly on the sphere |x| = √dim, and labels ±1 in equal numbers, independent of x.

    Returns inputs (n_patterns, dim) float64 and labels (n_patterns,) int8. If `n_patterns` is odd, a fair coin decides
    which label occurs once more. Raises DatasetError for dim < 1 or n_patterns < 2.
    """
    if dim < 1 or n_patterns < 2:
        raise DatasetError(
            f"random data with dim = {dim} and n_patterns = {n_patterns} cannot be drawn; dim ≥ 1 and n_patterns ≥ 2."
        )
    generator = np.random.default_rng(seed)
    # A normal vector has no preferred direction, so its direction is uniform.
    normal = generator.standard_normal((n_patterns, dim))
    inputs = normal * (math.sqrt(dim) / np.linalg.norm(normal, axis=1, keepdims=True))
    labels = np.resize(np.array([1, -1], dtype=np.int8), n_patterns)
    if generator.random() < 0.5:
        labels = -labels
    generator.shuffle(labels)
    return inputs, labels
