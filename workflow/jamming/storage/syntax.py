"""Python code as a text without comments, docstrings and layout, the same under every supported Python.

`ast.dump` differs between versions: newer ones add fields, and 3.13 leaves out those that are empty. This form writes
only fields that are not empty. Only the standard library is imported, so that a test can run this file in any Python.
"""

import ast

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def form(value: object) -> str:
    """A node as `Type(field=…,…)`, a list of nodes as `[…,…]`, anything else as Python writes it in ASCII.

    ASCII, because which characters are printable depends on the version's Unicode tables.
    """
    if isinstance(value, list):
        return f"[{','.join(map(form, value))}]"
    if not isinstance(value, ast.AST):
        return ascii(value)
    fields = ",".join(f"{name}={form(field)}" for name, field in _fields(value).items() if not _is_empty(field))
    return f"{type(value).__name__}({fields})"


def _fields(node: ast.AST) -> dict[str, object]:
    """The fields of a node by name, without its docstring."""
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:] or [ast.Pass()]
    elif isinstance(node, ast.JoinedStr):
        # Python 3.12.1 ends the format in f"{x:{width}}" with an empty text; others do not.
        fields["values"] = [part for part in node.values if not _is_text(part, "")]
    return fields


def _is_empty(field: object) -> bool:
    """Whether it is an absent node or a list of none. False, 0 and "" are values of constants."""
    return field is None or field == []


def _is_text(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text
