"""Errors of datasets."""


class DatasetError(ValueError):
    """A dataset cannot be made or split. The message is one sentence that says what is allowed."""


class FetchError(DatasetError):
    """No source gives the MNIST pixels. The message lists the sources that were tried, and says how to give a path."""
