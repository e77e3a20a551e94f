"""What can go wrong with data."""


class DatasetError(ValueError):
    """Data that cannot be made or split as asked; the message is one sentence that says what is allowed."""


class FetchError(DatasetError):
    """The MNIST pixels cannot be had; the message lists what was tried and how to give a path."""
