"""A claims file as the workflow collects it, made up: every verdict, with and without a value."""

from jamming.documents.claims import VERDICTS

# id → group, statement, published, source, observable
CLAIMS = {
    "transition-location": (
        "position",
        "The transition of random data lies at one P/N* for every depth",
        "2.8 … 2.9",
        "[G] Fig. 6a",
        "P/N at which half of the runs are jammed",
    ),
    "bound-hinge": ("position", "Every measured point has N* < 4 P", "< 4", "[G] Eq. 13", "largest N*/P"),
    "bound-cross-entropy": ("position", "Every measured point has N* < 4 P", "< 4", "[G] Eq. 13", "largest N*/P"),
    "bound-mnist": ("position", "Every measured point has N* < 4 P", "< 4", "[G] Eq. 13", "largest N*/P"),
    "jump-random": (
        "jump",
        "N_Δ/N jumps from 0 to a finite value as 𝓛 → 0, random data",
        "≈ 0.75",
        "[G] Fig. 6b",
        "N_Δ/N of the jammed runs with the smallest 𝓛",
    ),
    "jump-collapse": (
        "jump",
        "N_Δ/N jumps from 0 to a finite value as 𝓛 → 0, random data",
        "≈ 0.75",
        "[G] Fig. 6b",
        "N_Δ/N of the jammed runs with the smallest 𝓛",
    ),
    "jump-mnist": (
        "jump",
        "N_Δ/N jumps from 0 to a finite value as 𝓛 → 0, MNIST",
        "≈ 0.5",
        "[G] Fig. 9b",
        "N_Δ/N of the jammed runs with the smallest 𝓛",
    ),
    "jump-above-bound": ("jump", "The jump is above the bound (N_− − N_c)/N", "≥ 0.25", "[S] Eq. 11", "N_Δ/N − bound"),
    "depth-independent": (
        "n_star",
        "N*(P) of random data does not depend on L, d or the loss",
        "no dependence",
        "[G] Fig. 5b, c",
        "spread of log N* over architectures",
    ),
    "ce-slope": ("n_star", "N* ∝ P for the cross-entropy at long times", "slope 1", "[G] Fig. 5a", "slope of log N*"),
    "dimension-independent": (
        "n_star",
        "N* ∝ P for the cross-entropy at long times",
        "slope 1",
        "[G] Fig. 5a",
        "slope of log N*",
    ),
    "loss-independent": (
        "n_star",
        "N* ∝ P for the cross-entropy at long times",
        "slope 1",
        "[G] Fig. 5a",
        "slope of log N*",
    ),
    "c0-relu": ("spectra", "sp(H_p) of ReLU networks is symmetric", "C_0 = 0.5", "[G] Fig. 7b", "N_−/(N_− + N_+)"),
    "c0-tanh": ("spectra", "sp(H_p) of tanh networks is not symmetric", "C_0 ≈ 0.43", "[G] Fig. 7e", "N_−/Ñ"),
    "hp-collapse": ("spectra", "Spectra of H_p collapse as λ/√𝓛", "collapse", "[G] Fig. 7b", "spread of log scales"),
    "c0-mnist-symmetric": (
        "spectra",
        "Spectra of H_p collapse as λ/√𝓛",
        "collapse",
        "[G] Fig. 7b",
        "spread of log scales",
    ),
    "h0-rank": ("spectra", "rk(H_0) = N_Δ", "equality", "[G] Fig. 7c", "largest |rk(H_0) − N_Δ|"),
    "h-negative-relu": ("spectra", "A tenth of H's eigenvalues is negative", "≈ 0.1", "[G] Sec. V", "fraction < 0"),
    "h-negative-tanh": ("spectra", "Few eigenvalues of H are negative, tanh", "11 of 2232", "[G] Sec. V", "number < 0"),
    "theta-relu": ("exponents", "Overlaps and gaps are power laws, ReLU", "θ ≈ 0.3", "[G] Fig. 8a", "θ"),
    "gamma-relu": ("exponents", "Overlaps and gaps are power laws, ReLU", "θ ≈ 0.3", "[G] Fig. 8a", "θ"),
    "theta-tanh": ("exponents", "Overlaps and gaps are power laws, tanh", "θ ≈ 0.2", "[G] Fig. 8c", "θ"),
    "gamma-tanh": ("exponents", "Overlaps and gaps are power laws, tanh", "θ ≈ 0.2", "[G] Fig. 8c", "θ"),
    "gamma-mnist": ("exponents", "Gaps are a power law, MNIST", "γ ≈ 0.25", "[G] Fig. 9d", "γ"),
    "cusps": ("cusps", "N_c/N patterns and neurons sit on the cusp", "0.21 (L = 5)", "[G] App. C", "N_c/N"),
    "n-eff": ("effective", "N_eff is Ñ less the number of hidden neurons", "equality", "[G] App. A", "N_eff − Ñ + Lh"),
    "mnist-below-random": ("n_star", "MNIST needs fewer parameters than random data", "below", "[G] Fig. 10", "ratio"),
    "accuracy-at-jamming": (
        "generalization",
        "Accuracy at jamming is above 90 %",
        "> 0.9",
        "[G] Sec. VII",
        "1 − error",
    ),
    "cusp": ("generalization", "The final test error peaks at N*", "peak at 1", "[S] Fig. 4B, C", "N/N* of the peak"),
    "early-stopping": ("generalization", "The minimum over time has no peak", "no peak", "[S] Fig. 4B", "excess at N*"),
    "halts-sooner": (
        "generalization",
        "Larger networks reach 𝓛 = 0 sooner",
        "fewer steps",
        "[S] Fig. 4A",
        "rank corr.",
    ),
    "depth-2": ("generalization", "The same trends at L = 2", "same", "[S] Fig. B2", "N/N* of the peak"),
}


def make_claims(preset: str = "made") -> dict:
    """Made-up values that can be told apart: all are different, and some are negative, tiny, whole or missing."""
    claims = []
    for number, (name, (group, statement, published, source, observable)) in enumerate(CLAIMS.items()):
        verdict = VERDICTS[number % len(VERDICTS)]
        value = None if number % len(VERDICTS) == 3 else 0.1234 * (number + 1) * (-1) ** (number == 5)
        half = 0.0217 * (1 + number % 3)
        claims.append(
            {
                "id": name,
                "group": group,
                "statement": statement,
                "published": published,
                "source": source,
                "observable": observable,
                "unit": "N_Δ/N" if group == "jump" else "",
                "value": value,
                "interval_68": None if value is None else [value - half, value + half],
                "interval_95": None if value is None else [value - 2 * half, value + 2.1 * half],
                "n_runs": 3 * number,
                "verdict": verdict,
                "reason": f"A sentence about {name} that says why, and how many runs or what size it would take.",
                "tolerance": {"low": 0.0, "high": 1.0, "argument": "finite size"},
                "inputs": {},
            }
        )
    return {"preset": preset, "commit": "0" * 40, "dirty": False, "package": "0.1.0", "claims": claims}
