"""[G] Fig. 3: the architecture. No result is read; dimensions are those of the config."""

from ..analysis import Analysis, AnalysisError, Results

NEEDS: dict[str, tuple[str, ...]] = {}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """Attributes dim, depth, width. Raises AnalysisError unless `analysis.drawn_network` gives them."""
    network = analysis.drawn_network
    try:
        return {key: int(network[key]) for key in ("dim", "depth", "width")}
    except KeyError as error:
        raise AnalysisError(f"drawn_network has no {error}; give dim, depth and width in the config.") from error
