"""The explorer: one page with every run in the (P, N) plane. A click on a run shows its measurements.

`collect` turns results into columns. `page` draws them with bokeh into one HTML file that needs no network.
"""


class ExplorerError(ValueError):
    """Results cannot be shown. The message is one sentence: which results, and what to do."""
