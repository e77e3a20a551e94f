"""Check tables before they are drawn: columns that are missing, empty or of a wrong length are refused by name."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np


class FigureError(ValueError):
    """A table is not that of the figure, or a figure cannot be saved. The message is one sentence with the column."""


class Table:
    """A table of a figure, or the group at `place` in it."""

    def __init__(self, figure: str, tree: Mapping, place: str = "") -> None:
        self.figure = figure
        self.place = place
        self._tree = tree

    def group(self, name: str) -> "Table":
        """The group with this name or path ("relu/hp"). Raises FigureError if it is missing."""
        table = self
        for part in name.split("/"):
            tree = table._tree.get(part)
            if not isinstance(tree, Mapping):
                raise FigureError(f"figure '{self.figure}': the table has no group '{table._path(part)}'; {_CURE}")
            table = Table(self.figure, tree, table._path(part))
        return table

    def groups(self, or_none: bool = False) -> dict[str, "Table"]:
        """The groups one level below, by name in alphabetical order.

        Raises FigureError if there is none, unless `or_none` allows it for a figure that can be drawn in part.
        """
        names = sorted(name for name, value in self._tree.items() if isinstance(value, Mapping))
        if not names and not or_none:
            raise FigureError(f"figure '{self.figure}': the table has no group in '{self.place or '/'}'; {_CURE}")
        return {name: self.group(name) for name in names}

    def has(self, name: str) -> bool:
        """Whether a group of this name is there."""
        return isinstance(self._tree.get(name), Mapping)

    def has_column(self, name: str) -> bool:
        """Whether a column of this name is there."""
        return np.ndim(self._tree.get(name)) > 0

    def attribute(self, name: str) -> int | float | str:
        """The scalar with this name. Raises FigureError if it is missing or not a scalar."""
        value = self._tree.get(name)
        if value is None or isinstance(value, Mapping) or np.ndim(value) > 0:
            raise FigureError(f"figure '{self.figure}': the table has no attribute '{self._path(name)}'; {_CURE}")
        return value

    def has_attribute(self, name: str) -> bool:
        """Whether a scalar of this name is there."""
        return name in self._tree and np.ndim(self._tree[name]) == 0

    def columns(self, *names: str) -> list[np.ndarray]:
        """Columns of the same length. Raises FigureError for the first that is missing, empty or of another length."""
        arrays = [self._array(name) for name in names]
        for name, array in zip(names, arrays, strict=True):
            if len(array) != len(arrays[0]):
                raise FigureError(
                    f"figure '{self.figure}': column '{self._path(name)}' has {len(array)} rows where "
                    f"'{self._path(names[0])}' has {len(arrays[0])}; {_CURE}"
                )
        return arrays

    def histogram(self, *names: str) -> list[np.ndarray]:
        """`edges` (B+1,), and columns (B,) or stacks of curves (R, B). Raises FigureError if the lengths disagree."""
        edges, arrays = self._array("edges"), [self._array(name) for name in names]
        for name, array in zip(names, arrays, strict=True):
            if array.shape[-1] != len(edges) - 1:
                raise FigureError(
                    f"figure '{self.figure}': column '{self._path(name)}' has {array.shape[-1]} bins where "
                    f"'{self._path('edges')}' bounds {len(edges) - 1}; {_CURE}"
                )
        return [edges, *arrays]

    def _array(self, name: str) -> np.ndarray:
        value = self._tree.get(name)
        if value is None or isinstance(value, Mapping) or np.ndim(value) == 0:
            raise FigureError(f"figure '{self.figure}': the table has no column '{self._path(name)}'; {_CURE}")
        array = np.asarray(value)
        if array.size == 0:
            raise FigureError(f"figure '{self.figure}': column '{self._path(name)}' is empty; {_CURE}")
        return array

    def _path(self, name: str) -> str:
        return f"{self.place}/{name}" if self.place else name


_CURE = "delete the table and run the workflow again."


def runs_in(groups: Sequence[Table]) -> int:
    """The number of runs behind these groups."""
    return sum(int(group.attribute("n_runs")) for group in groups)


def unit_of(groups: Iterable[Table]) -> str:
    """The unit of overlaps and eigenvalues of H_p, in TeX: the median overlap, or √𝓛 in tables without a unit."""
    said = {str(group.attribute("unit")) for group in groups if group.has_attribute("unit")}
    return r"\tilde\Delta" if said == {"median"} else r"\sqrt{\mathcal{L}}"
