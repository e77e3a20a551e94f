"""The text of code in the fingerprint: all Pythons give the same, and only code changes it."""

import ast
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from jamming.storage import syntax
from jamming.storage.fingerprint import PACKAGE
from jamming.storage.syntax import form

# Every kind of node that Python 3.11 knows, and what versions of Python are known to parse or print differently.
SAMPLE = r'''
"""A docstring."""
import a as b
from . import other as renamed

@decorated
class Empty(Base, metaclass=Meta): """Only a docstring."""

class More(Empty): pass

async def f(a, /, b: int = -1, *args, c, d=None, **more) -> None:
    """Another."""
    async with a as b, (yield): await b
    async for a in b: pass
    return [x async for x in y if x], {x for x in y}, {x: 1 for x in y}, lambda *, a, b=1: None, {**a, 1: 2}, {1, 2}

def g(x, width):
    global y; y: int; y: int = 0; y += (z := 1)
    kinds = u"kind", b"\xff", 1e16, 0.1, 1j, 0, False, None, "", ..., "𱍐é", a[1:, ...], a[::2], (*a, 1), not a, ~a
    for i in (): break
    else:
        while True: continue
    match x:
        case {"a": 1, **rest} | [_, *_] | None: ...
        case Point(0, x=0) as p if p: del p
    try: raise E from None
    except* E as e: assert e, ""
    finally: 1 if x < 2 <= 3 is not None else a @ b and c or d
    with open(x): nonlocal_ = (i for i in x)
    def h():
        nonlocal x
        yield from x
    try: pass
    except (A, B): [a.b if 1 else []]
    if a: pass
    elif b: pass
    return f"{x:>{width}}", f"{x:}", f"a{x=}b" "c" f"", f"{x!r:5}{{}}", rf"\d{x:%H:%M}", f"{x:{width}.{y}e}\N{EN DASH}"
'''
# What Python 3.11 finds. Whatever version runs this test finds the same.
DIGEST = "f002324838cba25c4f6158953db477ab955c0ca3584e23beb7e17ed0b16f1639"

PROGRAM = f"""
import ast, hashlib, sys
sys.path.insert(0, {str(Path(syntax.__file__).parent)!r})
from syntax import form
for path in sys.argv[2:] if sys.version_info[:2] == (3, int(sys.argv[1])) else []:
    with open(path, encoding="utf-8") as file:
        print(path, hashlib.sha256(form(ast.parse(file.read())).encode()).hexdigest())
"""


def digest_of(text: str) -> str:
    return hashlib.sha256(form(ast.parse(text)).encode()).hexdigest()


def test_every_python_finds_the_same_form():
    assert digest_of(SAMPLE) == DIGEST


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_another_python_finds_the_same_form_of_every_module(minor, tmp_path):
    """For the sample and the package, with another interpreter on PATH or from pyenv."""
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE, encoding="utf-8")
    paths = [str(path) for path in (sample, *sorted(PACKAGE.rglob("*.py")))]
    expected = [f"{path} {digest_of(Path(path).read_text(encoding='utf-8'))}" for path in paths]
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/3.{minor}.*/bin"))
    for python in (folder / f"python3.{minor}" for folder in folders):
        command = [python, "-I", "-c", PROGRAM, str(minor), *paths]
        if python.exists():
            done = subprocess.run(command, capture_output=True, encoding="utf-8")
            if done.returncode == 0:  # a shim of pyenv may exist and yet not run
                assert done.stdout.splitlines() == expected
                return
    pytest.skip(f"no Python 3.{minor} runs here")


def test_the_sample_has_every_kind_of_node():
    nodes = {type(node) for node in ast.walk(ast.parse(SAMPLE))}
    kinds = {ast.stmt, ast.expr, ast.pattern, ast.excepthandler}
    known = {kind for base in kinds for kind in base.__subclasses__() if kind.__module__ == "ast"}
    later = {"TypeAlias", "TemplateStr", "Interpolation"}
    assert {kind.__name__ for kind in known - nodes} <= later


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x = f(1, 'a')", 'x = f(\n    1,  # why\n    "a",\n)'),
        ("def f():\n    return 1", 'def f():\n    """Does."""\n\n    return 1'),
        ("async def f():\n    return 1", 'async def f():\n    """Does."""\n    return 1'),
        ("class A:\n    pass", 'class A:\n    """Is."""'),
        ("x = 1", '"""Says."""\nx = 1'),
        ("x = 1", 'x = 1\n"""Describes x."""'),
        ("class A:\n    x = 1", 'class A:\n    x = 1\n    """Describes x."""'),
        ("x = f'{y:>{z}}' 'a'", 'x = f"{y:>{z}}a"'),
    ],
)
def test_layout_comments_and_docstrings_do_not_count(text, same):
    assert form(ast.parse(text)) == form(ast.parse(same))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("x = 0", "x = False"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = '1'"),
        ("x = ''", "x = b''"),
        ("x = None", "x = 0"),
        ("x = -1", "x = 1"),
        ("return None", "return"),
        ("{**a, 1: b}", "{1: b, **a}"),
        ("f'{x}'", "f'{x:}'"),
        ("f'{x!r}'", "f'{x!s}'"),
        ("f'{x:5}'", "f'{x:6}'"),
        ("x = 'a  b'", "x = 'a b'"),
        ("x = f('a')", "x = f()"),
        ("if a:\n    b\nc", "if a:\n    b\n    c"),
        ("f(*a)", "f(**a)"),
        ("lambda *, a, b=1: 0", "lambda *, a=1, b: 0"),
    ],
)
def test_code_counts(text, other):
    assert form(ast.parse(text)) != form(ast.parse(other))
