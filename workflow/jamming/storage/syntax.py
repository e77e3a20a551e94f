"""Write Python code as a text without comments, docstrings and layout. All supported Pythons give the same text.

`ast.dump` differs between versions: newer ones add fields, and 3.13 leaves out empty fields. `form` writes only fields
that are not empty. This module imports only the standard library, so that a test can run it in any Python.
"""

import ast


def form(value: object) -> str:
    """The text of a node, `Type(field=…,…)`, of a list of nodes, `[…,…]`, or of another value in Python's notation.

    The text is ASCII, because Python's versions differ in the Unicode characters that they print.
    """
    if isinstance(value, list):
        return f"[{','.join(map(form, value))}]"
    if not isinstance(value, ast.AST):
        return ascii(value)
    fields = ",".join(f"{name}={form(field)}" for name, field in _fields(value).items() if not _is_empty(field))
    return f"{type(value).__name__}({fields})"


def _fields(node: ast.AST) -> dict[str, object]:
    """The fields of a node by name, without docstrings and the texts that describe a constant above them."""
    fields = dict(ast.iter_fields(node))
    if isinstance(fields.get("body"), list):
        code = [statement for statement in node.body if not _is_remark(statement)]
        fields["body"] = code or [ast.Pass()] * bool(node.body)
    elif isinstance(node, ast.JoinedStr):
        # Python 3.12.1 ends the format in f"{x:{width}}" with an empty text; others do not.
        fields["values"] = [part for part in node.values if not _is_text(part, "")]
    return fields


def _is_empty(field: object) -> bool:
    """Whether a field is None or an empty list. False, 0 and "" are values of constants, so they are not empty."""
    return field is None or field == []


def _is_remark(statement: ast.AST) -> bool:
    """Whether a statement is a text alone, which computes nothing."""
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def _is_text(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text
