"""The explorer: one page with every run in the (P, N) plane and, for the one that is clicked, what was measured on it.

`collect` turns results into columns, `page` draws them with bokeh into one HTML file that needs no network.
"""


class ExplorerError(ValueError):
    """Results that cannot be shown; one sentence says which and what to do."""
