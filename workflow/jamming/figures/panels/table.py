"""Tables are checked before they are drawn: what is missing, empty or of a wrong length is refused by name."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np


class FigureError(ValueError):
    """A table that is not the figure's, or a figure that cannot be saved; one sentence names figure and column."""


class Table:
    """A table, or a group of one, that knows the figure it is for and where in the table it stands."""

    def __init__(self, figure: str, tree: Mapping, place: str = "") -> None:
        self.figure = figure
        self.place = place
        self._tree = tree

    def group(self, name: str) -> "Table":
        """A group, by name or by path ("relu/hp"). Raises FigureError when it is missing."""
        table = self
        for part in name.split("/"):
            tree = table._tree.get(part)
            if not isinstance(tree, Mapping):
                raise FigureError(f"figure '{self.figure}': the table has no group '{table._path(part)}'; {_CURE}")
            table = Table(self.figure, tree, table._path(part))
        return table

    def groups(self, or_none: bool = False) -> dict[str, "Table"]:
        """The groups one level below, by name in alphabetical order.

        Raises FigureError when there is none, unless the figure is known to be drawn in part as well (`or_none`).
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
        """A scalar. Raises FigureError when it is missing or not a scalar."""
        value = self._tree.get(name)
        if value is None or isinstance(value, Mapping) or np.ndim(value) > 0:
            raise FigureError(f"figure '{self.figure}': the table has no attribute '{self._path(name)}'; {_CURE}")
        return value

    def has_attribute(self, name: str) -> bool:
        """Whether a scalar of this name is there."""
        return name in self._tree and np.ndim(self._tree[name]) == 0

    def columns(self, *names: str) -> list[np.ndarray]:
        """Columns of one length. Raises FigureError for the first one missing, empty or longer than the others."""
        arrays = [self._array(name) for name in names]
        for name, array in zip(names, arrays, strict=True):
            if len(array) != len(arrays[0]):
                raise FigureError(
                    f"figure '{self.figure}': column '{self._path(name)}' has {len(array)} rows where "
                    f"'{self._path(names[0])}' has {len(arrays[0])}; {_CURE}"
                )
        return arrays

    def histogram(self, *names: str) -> list[np.ndarray]:
        """`edges` (B+1,) and columns (B,) or stacks of curves (R, B). Raises FigureError when lengths disagree."""
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
    """Number of runs behind some groups."""
    return sum(int(group.attribute("n_runs")) for group in groups)


def unit_of(groups: Iterable[Table]) -> str:
    """What overlaps and eigenvalues of H_p are divided by, in TeX: the median overlap; √𝓛 in tables without unit."""
    said = {str(group.attribute("unit")) for group in groups if group.has_attribute("unit")}
    return r"\tilde\Delta" if said == {"median"} else r"\sqrt{\mathcal{L}}"
