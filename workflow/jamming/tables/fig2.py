"""[G] Fig. 2: the jamming of discs and ellipses, a sketch: packings found by minimisation, and curves from formulas.

This table reads no result. The curves are the simplest laws with the properties in the caption:
- U ∝ (φ − φ_c)² for harmonic repulsion;
- N_Δ/N growing as √(φ − φ_c) above its jump;
- spectra of random matrices, in which H_0 is the sum of N_Δ independent contacts. So they have Marchenko and Pastur's
  law with the ratio r = N_Δ/N.
"""

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.packings import Packing, contacts, random_packing, relaxed

NEEDS: dict[str, tuple[str, ...]] = {}

# Aspect ratio, φ at jamming (discs: 0.84; these ellipses: near 0.89), N_Δ/N just above jamming, and a seed with a
# typical packing. Each weakly elongated ellipse has three degrees of freedom and two contacts.
PARTICLES = {
    "spheres": {"aspect_ratio": 1.0, "jamming": 0.84, "jump": 1.0, "seed": 3},
    "ellipses": {"aspect_ratio": 1.6, "jamming": 0.89, "jump": 2 / 3, "seed": 3},
}
N_PARTICLES, SIZE_RATIO = 30, 1.4

# Densities of the drawn packings. The fluid is relaxed at a higher density and then its particles are shrunk. Without
# this they would nearly touch.
FLUID, FLUID_MADE, ABOVE_JAMMING = 0.66, 0.76, 0.05

# The φ in (e, f), and the prefactors of U and N_Δ/N, which are arbitrary in a sketch.
PHI = np.linspace(0.76, 1.0, 241)
STIFFNESS, GROWTH = 1.0, 0.9

# N_Δ/N minus its jump for the spectra above jamming in (g, h), and the scale of λ of modes that are flat at jamming.
EXCESS = {"spheres": 0.3, "ellipses": 0.04}
LIFTED = 0.012
POINTS = 400


def tabulate(results: Results, analysis: Analysis) -> dict:
    """For "spheres" and "ellipses": the packings `fluid` and `solid`, and the curves of (e) to (h).

    A packing has columns x, y, angle, a, b and the attribute density; a and b are semi-axes, and the box is the
    periodic unit square. If particles overlap, its group `contacts` has columns x, y (one centre), dx, dy (from there
    to the other centre) and overlap.
    """
    return {name: {**_packings(**values), **_curves(name, **values)} for name, values in PARTICLES.items()}


def _packings(aspect_ratio: float, jamming: float, seed: int, **_: float) -> dict:
    fluid = relaxed(random_packing(N_PARTICLES, aspect_ratio, SIZE_RATIO, FLUID_MADE, seed)).at_density(FLUID)
    solid = relaxed(random_packing(N_PARTICLES, aspect_ratio, SIZE_RATIO, jamming + ABOVE_JAMMING, seed))
    return {"fluid": _columns(fluid), "solid": _columns(solid)}


def _columns(packing: Packing) -> dict:
    (x, y), (a, b) = packing.centres.T, packing.semi_axes.T
    tree = {"x": x, "y": y, "angle": packing.angles, "a": a, "b": b, "density": packing.density}
    pairs, apart, overlap = contacts(packing)
    if len(pairs):
        x, y = packing.centres[pairs[:, 0]].T
        tree["contacts"] = {"x": x, "y": y, "dx": apart[:, 0], "dy": apart[:, 1], "overlap": overlap}
    return tree


def _curves(name: str, jamming: float, jump: float, **_: float) -> dict:
    above = np.maximum(PHI - jamming, 0)
    solid = np.linspace(jamming, PHI[-1], 200)
    excess = EXCESS[name]
    return {
        "jamming": jamming,
        "jump": jump,
        "energy": {"phi": PHI, "u": STIFFNESS * above**2 / 2},
        "contacts": {"phi": solid, "n_delta_over_n": jump + GROWTH * np.sqrt(solid - jamming)},
        "spectrum": {
            "at_jamming": {**_marchenko_pastur(jump, shift=0.0), "weight_at_zero": 1 - jump},
            "above": _spheres_above(jump + excess) if name == "spheres" else _ellipses_above(jump + excess),
        },
    }


def _marchenko_pastur(ratio: float, shift: float) -> dict:
    """D(√λ) of the continuous part of H_0 − shift for N_Δ/N = ratio: area min(1, ratio), edges λ± = (1 ± √ratio)².

    ρ(λ) = √((λ₊ − λ)(λ − λ₋)) / 2πλ ; with s = √λ the density is D(s) = 2 s ρ(s² + shift). For ratio = 1 it is the
    quarter of a circle √(4 − s²)/π: a plateau down to s = 0.
    """
    lower, upper = ((1 + sign * np.sqrt(ratio)) ** 2 for sign in (-1, 1))
    # The points are denser at both edges, where D rises as a square root.
    steps = (1 - np.cos(np.linspace(0, np.pi, POINTS))) / 2
    root = np.sqrt(max(lower - shift, 0.0)) + steps * (np.sqrt(upper - shift) - np.sqrt(max(lower - shift, 0.0)))
    value = root**2 + shift
    inside = np.maximum((upper - value) * (value - lower), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        density = root * np.sqrt(inside) / (np.pi * value)
    if lower == shift == 0:
        density[0] = np.sqrt(upper) / np.pi
    return {"root": root, "density": density}


def _spheres_above(ratio: float) -> dict:
    """D(√λ) of spheres above jamming: N_Δ > N opens a gap in H_0, and H_p < 0 lowers all λ to marginal stability.

    D ∝ s² below a scale s ∼ √λ₋, with the plateau above it. N_Δ/N − 1 ∼ √Δ, so λ₋ ∼ (N_Δ/N − 1)² ∼ Δ ∼ √U.
    """
    lowest = (np.sqrt(ratio) - 1) ** 2
    return {**_marchenko_pastur(ratio, shift=lowest), "scale": float(np.sqrt(lowest))}


def _ellipses_above(ratio: float) -> dict:
    """D(√λ) of ellipses above jamming: H_p lifts the 1 − r flat modes to λ ∼ Δ ∼ √U.

    These modes are a semicircle of λ on [0, 4 LIFTED], beside the continuous part.
    """
    band = _marchenko_pastur(ratio, shift=0.0)
    root = np.linspace(0, 2 * np.sqrt(LIFTED), POINTS)
    lifted = (1 - ratio) * root**2 * np.sqrt(4 * LIFTED - root**2) / (np.pi * LIFTED**2)
    grid = np.union1d(root, band["root"])
    density = sum(
        np.interp(grid, part_root, part, left=0, right=0)
        for part_root, part in ((root, lifted), (band["root"], band["density"]))
    )
    return {"root": grid, "density": density, "scale": float(np.sqrt(2 * LIFTED))}
