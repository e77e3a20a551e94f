"""Documents: captions, the paper, the executed notebook and the gallery, all made from files of results.

This package measures nothing, and its texts contain no typed numbers: every number is read from tables, results and
claims. No torch.
"""


class DocumentError(ValueError):
    """A document cannot be made. The message is one sentence: what is missing, where, and how to get it."""
