"""What people read: captions, the paper, the executed notebook and the gallery, all made from files of results.

No number is measured here and none is typed in: everything quoted is read from tables, results and claims. No torch.
"""


class DocumentError(ValueError):
    """A document that cannot be made; one sentence says what is missing, where, and how to get it."""
