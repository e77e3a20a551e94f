"""Write generated text into a page, between two marks."""

from collections.abc import Sequence


def between_marks(text: str, name: str, lines: Sequence[str], by: str = "make gallery") -> str:
    """`text` with `lines` between its two marks of this `name`. The first mark names the command `by` that writes them.

    Raises ValueError if the marks are missing.
    """
    begin, end = f"<!-- {name}: written by `{by}` -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page has no lines '{begin}' and '{end}', between which its {name} goes; add them.")
    return "\n".join([before + begin, *lines, "", end + after])
