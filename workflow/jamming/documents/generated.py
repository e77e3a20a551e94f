"""The parts of a page that are written by machine, each between two marks of its own."""

from collections.abc import Sequence


def between_marks(text: str, name: str, lines: Sequence[str], by: str = "make gallery") -> str:
    """`text` with `lines` between its marks called `name`, which say that the command `by` writes them.

    Raises ValueError, one sentence, if it lacks them.
    """
    begin, end = f"<!-- {name}: written by `{by}` -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page has no lines '{begin}' and '{end}', between which its {name} goes; add them.")
    return "\n".join([before + begin, *lines, "", end + after])
