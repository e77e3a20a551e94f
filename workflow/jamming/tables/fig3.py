"""[G] Fig. 3: the architecture. This table reads no result; the config gives the dimensions."""

from ..analysis import Analysis, AnalysisError, Results

NEEDS: dict[str, tuple[str, ...]] = {}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The attributes dim, depth and width. Raises AnalysisError if `analysis.drawn_network` lacks one."""
    network = analysis.drawn_network
    try:
        return {key: int(network[key]) for key in ("dim", "depth", "width")}
    except KeyError as error:
        raise AnalysisError(f"drawn_network has no {error}; give dim, depth and width in the config.") from error
