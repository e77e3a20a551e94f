"""Packings of soft ellipses in a periodic square, found by minimising their overlaps. Discs are round ellipses.

Two ellipses overlap if the contact function F of Perram & Wertheim (J. Comput. Phys. 58, 409 (1985)) is below 1. If
both are scaled about their centres by √F, they touch. For discs, √F is the distance divided by the sum of the radii.
"""

from dataclasses import dataclass

import numpy as np

# Number of times that the interval of λ is halved. F has its maximum there, so its error is of second order in the
# length of the last interval.
_HALVINGS = 28


@dataclass(frozen=True)
class Packing:
    """n ellipses in the periodic unit square: centres (n, 2), angles of the long axes (n,), semi-axes (n, 2)."""

    centres: np.ndarray
    angles: np.ndarray
    semi_axes: np.ndarray

    @property
    def density(self) -> float:
        """φ: the area of all ellipses divided by the area of the square."""
        return float(np.pi * np.sum(np.prod(self.semi_axes, axis=1)))

    def at_density(self, density: float) -> "Packing":
        """The packing with all ellipses scaled to another φ; centres and angles stay."""
        return Packing(self.centres, self.angles, self.semi_axes * np.sqrt(density / self.density))


def random_packing(number: int, aspect_ratio: float, size_ratio: float, density: float, seed: int) -> Packing:
    """Small and large ellipses, half of each, at random centres and angles. Two sizes crystallise less than one."""
    generator = np.random.default_rng(seed)
    size = np.where(np.arange(number) % 2 == 0, 1.0, size_ratio)[:, None]
    axes = size * np.sqrt([aspect_ratio, 1 / aspect_ratio])
    packing = Packing(generator.random((number, 2)), np.pi * generator.random(number), axes)
    return packing.at_density(density)


def relaxed(packing: Packing) -> Packing:
    """The packing after 500 steps down U = Σ Δ²/2, with Δ = 1 − √F, summed over overlapping pairs.

    It is close to a minimum of U. Ellipses have many soft modes, and the last digits would take ten times as many
    steps.
    """
    # The workflow imports every table to learn which results it needs. Importing scipy here saves it half a second.
    from scipy.optimize import minimize

    number = len(packing.angles)

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        return _energy(flat[: 2 * number].reshape(-1, 2), flat[2 * number :], packing.semi_axes)

    start = np.concatenate([packing.centres.ravel(), packing.angles])
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9}
    found = minimize(energy, start, jac=True, method="L-BFGS-B", options=options).x
    return Packing(found[: 2 * number].reshape(-1, 2) % 1.0, found[2 * number :] % np.pi, packing.semi_axes)


def contacts(packing: Packing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The overlapping pairs: indices (n_c, 2), vectors from the first to the second centre (n_c, 2), Δ > 0 (n_c,)."""
    first, second, apart = _near_pairs(packing.centres, packing.semi_axes)
    shapes = _shapes(packing.angles, packing.semi_axes)
    value, *_ = _contact_function(shapes[first], shapes[second], apart)
    overlap = 1 - np.sqrt(value)
    touching = overlap > 0
    return np.stack([first, second], axis=1)[touching], apart[touching], overlap[touching]


def _energy(centres: np.ndarray, angles: np.ndarray, semi_axes: np.ndarray) -> tuple[float, np.ndarray]:
    """U and its gradient. F is largest at λ, so the derivatives of F by centres and angles can hold λ fixed."""
    first, second, apart = _near_pairs(centres, semi_axes)
    shapes = _shapes(angles, semi_axes)
    value, weight, along = _contact_function(shapes[first], shapes[second], apart)
    root = np.sqrt(value)
    overlap = np.maximum(1 - root, 0)
    pull = -overlap / (2 * root)  # ∂U/∂F
    product = weight * (1 - weight)
    force = (pull * 2 * product)[:, None] * along
    turned = _turned_shapes(angles, semi_axes)
    torque_first = -pull * product * (1 - weight) * _form(turned[first], along)
    torque_second = -pull * product * weight * _form(turned[second], along)
    by_centre, by_angle = np.zeros_like(centres), np.zeros_like(angles)
    np.add.at(by_centre, second, force)
    np.add.at(by_centre, first, -force)
    np.add.at(by_angle, first, torque_first)
    np.add.at(by_angle, second, torque_second)
    return float(np.sum(overlap**2) / 2), np.concatenate([by_centre.ravel(), by_angle])


def _near_pairs(centres: np.ndarray, semi_axes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs whose circumscribed circles overlap, and vectors from the first centre to the nearest image of the second.

    Shapes (n,), (n,), (n, 2).
    """
    first, second = np.triu_indices(len(centres), 1)
    apart = centres[second] - centres[first]
    apart -= np.round(apart)
    reach = semi_axes.max(axis=1)
    near = np.sum(apart**2, axis=1) < (reach[first] + reach[second]) ** 2
    return first[near], second[near], apart[near]


def _shapes(angles: np.ndarray, semi_axes: np.ndarray) -> np.ndarray:
    """The matrix A of each ellipse rᵀ A⁻¹ r = 1, shape (n, 2, 2)."""
    turn = _rotations(angles)
    return turn @ (semi_axes[:, :, None] ** 2 * np.swapaxes(turn, 1, 2))


def _turned_shapes(angles: np.ndarray, semi_axes: np.ndarray) -> np.ndarray:
    """dA/dθ of each ellipse, shape (n, 2, 2)."""
    shapes = _shapes(angles, semi_axes)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    return quarter @ shapes - shapes @ quarter


def _rotations(angles: np.ndarray) -> np.ndarray:
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cosine, -sine], axis=1), np.stack([sine, cosine], axis=1)], axis=1)


def _contact_function(
    first: np.ndarray, second: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F = max_λ λ(1−λ) rᵀC⁻¹r with C = (1−λ)A + λB, then λ and C⁻¹r. Shapes (n,), (n,), (n, 2).

    The derivative by λ is Xᵀ[(1−λ)²A − λ²B]X with X = C⁻¹r. It decreases from positive to negative, so bisection finds
    its zero.
    """
    low, high = np.zeros(len(apart)), np.ones(len(apart))
    for _ in range(_HALVINGS):
        weight = (low + high) / 2
        along = _solve(first, second, weight, apart)
        rises = _form(first, along) * (1 - weight) ** 2 > _form(second, along) * weight**2
        low, high = np.where(rises, weight, low), np.where(rises, high, weight)
    weight = (low + high) / 2
    along = _solve(first, second, weight, apart)
    return weight * (1 - weight) * np.sum(apart * along, axis=1), weight, along


def _solve(first: np.ndarray, second: np.ndarray, weight: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """((1−λ)A + λB)⁻¹ r by Cramer's rule."""
    mixed = (1 - weight)[:, None, None] * first + weight[:, None, None] * second
    a, b, d = mixed[:, 0, 0], mixed[:, 0, 1], mixed[:, 1, 1]
    x, y = apart.T
    return np.stack([d * x - b * y, a * y - b * x], axis=1) / (a * d - b * b)[:, None]


def _form(shape: np.ndarray, vector: np.ndarray) -> np.ndarray:
    x, y = vector.T
    return shape[:, 0, 0] * x * x + 2 * shape[:, 0, 1] * x * y + shape[:, 1, 1] * y * y
