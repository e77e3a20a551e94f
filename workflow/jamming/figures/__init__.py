"""Figures. Each has one module with a pure function `draw(table) -> Figure`; `render` draws and saves it.

`inventory.module_of` gives the module of a figure. A figure depends on its table, the style file and matplotlib's
version alone: this package uses no pyplot and leaves no state behind.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ..storage.files import write_whole
from .panels.table import FigureError

__all__ = ["FigureError", "draw", "render"]

STYLE = Path(__file__).with_name("style.mplstyle")
_FORMATS = {".pdf": "pdf", ".svg": "svg", ".png": "png"}


def draw(figure: str, table: Mapping) -> Figure:
    """Draw a figure in the common style. The user's own matplotlib settings have no effect.

    Raises FigureError for a table that is not the figure's.
    """
    with _style():
        return import_module(f".{figure.replace('/', '.')}", __name__).draw(table)


def render(
    figure: str,
    table: Mapping,
    paths: Iterable[Path],
    metadata: Mapping[str, str] | None = None,
    dpi: float | None = None,
) -> None:
    """Draw a figure and save it to each path (.pdf, .svg or .png). The same table gives the same bytes.

    `metadata` may hold "title" and "description", which are written into PDF and SVG. No date is written. `dpi` is the
    resolution of a PNG; the default is that of the style. Raises FigureError for an unsuitable table or file name, and
    StoreError for a file that cannot be written.
    """
    metadata, paths = metadata or {}, [Path(path) for path in paths]
    for path in paths:
        if path.suffix not in _FORMATS:
            raise FigureError(f"cannot save '{path}': a figure is saved as {', '.join(_FORMATS)}.")
    drawn = draw(figure, table)
    with _style():
        # The layout is computed once for all formats. matplotlib would compute it by drawing, which takes as long as
        # saving.
        drawn.get_layout_engine().execute(drawn)
        drawn.set_layout_engine("none")
        for path in paths:
            _save(drawn, path, _document_metadata(path.suffix, metadata), dpi if path.suffix == ".png" else None)


@contextmanager
def _style() -> Iterator[None]:
    """Within this context, use the common style on top of matplotlib's own defaults."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(matplotlib.rc_params_from_file(STYLE, use_default_template=False))
        yield


def _document_metadata(suffix: str, metadata: Mapping[str, str]) -> dict:
    title, description = metadata.get("title"), metadata.get("description")
    if suffix == ".pdf":
        entries = {"Title": title, "Subject": description}
        return {"CreationDate": None, **{key: value for key, value in entries.items() if value}}
    if suffix == ".svg":
        entries = {"Title": title, "Description": description}
        return {"Date": None, **{key: value for key, value in entries.items() if value}}
    return {}


def _save(figure: Figure, path: Path, metadata: dict, dpi: float | None) -> None:
    """Save a figure to memory, then write it to the path atomically."""
    content = io.BytesIO()
    options = {} if dpi is None else {"dpi": dpi}
    figure.savefig(content, format=_FORMATS[path.suffix], metadata=metadata, **options)
    write_whole(path, content.getbuffer())
