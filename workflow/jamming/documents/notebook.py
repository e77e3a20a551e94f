"""Execute the notebook (a jupytext script) with this Python, and write it as one HTML page that needs no network."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import jupytext
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert.exporters import HTMLExporter

from . import DocumentError

CELL_SECONDS = 600


class OwnKernel(AsyncKernelManager):
    """Starts a kernel of this Python. The kernels that the user has installed do not matter."""

    @property
    def kernel_spec(self) -> KernelSpec:
        # Neither Python (-P) nor IPython may import modules from the folder: they are not part of the notebook.
        command = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command += ["--IPKernelApp.ignore_cwd=True"]
        return KernelSpec(argv=command, display_name="Python", language="python")


def execute(script: Path, variables: Mapping[str, str], folder: Path) -> str:
    """Run a script in percent format in `folder`, with environment `variables`; return the HTML page of its outputs.

    It reads and writes nothing below HOME. Equal outputs of the cells give equal bytes. Raises DocumentError with the
    name of the error if a cell fails.
    """
    notebook = jupytext.read(script, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    with _no_home(variables):
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            kernel_manager_class=OwnKernel,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise DocumentError(f"{script}: a cell ends with {error.ename}: {error.evalue}") from error
        except DeadKernelError as error:
            raise DocumentError(f"{script}: its kernel died, most likely out of memory; give the job more.") from error
    return _page(notebook, script.stem)


def _page(notebook: object, title: str) -> str:
    """The HTML page. It leaves out scripts that a browser would fetch from the network, so formulas are plain text."""
    elsewhere = ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url", "mermaid_layout_elk_js_url")
    exporter = HTMLExporter(embed_images=True, **dict.fromkeys(elsewhere, ""))
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    return re.sub(r'<script src="">\s*</script>\s*', "", page)


@contextmanager
def _no_home(variables: Mapping[str, str]) -> Iterator[None]:
    """Set `variables` for the kernel within this context. Jupyter and IPython get temporary folders of their own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="jamming-") as temporary:
        own = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")
        os.environ.update({**variables, **{name: str(Path(temporary) / name.lower()) for name in own}})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
