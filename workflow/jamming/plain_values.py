"""Read configurations as plain values only: mappings, lists, text and numbers, no more of them than a person writes.

YAML can hold more than that: dates, lists that contain themselves, ten lines that expand to a billion values, numbers
with thousands of digits. This module refuses such values before any other code sees them.
"""

import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import yaml

LARGEST_FILE = 10**5  # characters
MOST_VALUES, DEEPEST = 20_000, 12
LONGEST_KEY, LONGEST_TEXT = 100, 4000
LARGEST_INTEGER = 2**63 - 1


class ConfigError(ValueError):
    """A mistake in the configuration. The message is one sentence: the key, its value, and what is allowed.

    Characters that cannot be printed are written as escapes.
    """

    def __init__(self, sentence: str):
        shown = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in sentence)
        super().__init__("".join(shown))


def read_file(path: Path) -> dict:
    """The content of a configuration file as plain values. Nothing in the file is run.

    JSON is tried before YAML, as in Snakemake. Raises ConfigError for a file that cannot be read or is no mapping, for
    values that are not plain, and for keys that make Snakemake run Python. (Snakemake reads YAML in the template
    language YTE, which can run Python.)
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LARGEST_FILE + 1)
        values = _parsed(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"config: {path} cannot be read: {_words(error)}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"config: {path} holds {short(values)}, but must be a mapping.")
    code = next((key for key in values if isinstance(key, str) and key.startswith("__")), None)
    if code:
        raise ConfigError(
            f"config: {path} has the key {short(code)}, with which Snakemake runs the Python in a file as soon as it "
            "reads it (docs/security.md); give the values themselves."
        )
    return plain(values)


def plain(config: Mapping, numeric: tuple[str, ...] = ()) -> dict:
    """A copy of the configuration. Below the keys `numeric`, text that spells a number is converted to the number.

    Raises ConfigError for
    - values other than mappings with text as keys, lists, text, numbers, truth values and None;
    - more values than `MOST_VALUES`, or nesting deeper than `DEEPEST`;
    - text and numbers that no job can use: zero bytes, halves of characters, numbers not finite or beyond 64 bits.
    """
    return _plain(config, (), count(1), numeric)


def short(value: object) -> str:
    """A text of at most 60 characters that shows any value."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"a number of about {value.bit_length() * 30103 // 100000} digits"
    if isinstance(value, str) and len(value) > 60:
        value = value[:60]
        return f"{value!r:.57}..."
    text = _BRIEF.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Brief(reprlib.Repr):
    """A representation that shows nested values to two levels, and very long numbers by their number of digits."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxdict, self.maxtuple, self.maxset = 3, 12, 4, 12, 12
        self.maxstring = self.maxother = self.maxlong = 60

    def repr_int(self, value: int, level: int) -> str:
        return short(value) if value.bit_length() > 200 else repr(value)


_BRIEF = _Brief()


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses input that takes for ever: deep brackets, many merged mappings (`<<`)."""

    def fetch_flow_collection_start(self, token: type) -> None:
        if self.flow_level > DEEPEST:
            raise yaml.scanner.ScannerError(None, None, f"brackets more than {DEEPEST} deep", self.get_mark())
        super().fetch_flow_collection_start(token)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, f"more than {MOST_VALUES} keys are merged")


def _parsed(text: str) -> object:
    if len(text) > LARGEST_FILE:
        raise ValueError(f"it is longer than {LARGEST_FILE} characters")
    try:
        return json.loads(text)
    except ValueError:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "its lists or mappings are nested too deeply"
    return " ".join(str(error).split())[:400].rstrip(".")


def _plain(value: object, where: tuple[str, ...], met: Iterator[int], numeric: tuple[str, ...]) -> object:
    name = ".".join(where) or "the top level"
    if next(met) > MOST_VALUES:
        raise ConfigError(f"config: {name[:200]} makes more than {MOST_VALUES} values; give fewer.")
    if len(where) > DEEPEST:
        raise ConfigError(f"config: {name[:200]} is nested deeper than {DEEPEST} levels, or holds itself.")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"config: {name} has the key {short(key)}, but keys must be text.")
            if len(key) > LONGEST_KEY:
                raise ConfigError(
                    f"config: {name} has the key {short(key)}, but keys have at most {LONGEST_KEY} letters."
                )
            _check_text(key, f"a key of {name}")
        return {key: _plain(item, (*where, key), met, numeric) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, (*where, str(index)), met, numeric) for index, item in enumerate(value)]
    if isinstance(value, str):
        _check_text(value, name)
        value = _number(value) if where[:1] and where[0] in numeric else value
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ConfigError(f"config: {name} is {short(value)}, but whole numbers go up to {LARGEST_INTEGER}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"config: {name} is {value}, but must be a finite number.")
    if value is not None and not isinstance(value, (str, bool, int, float)):
        raise ConfigError(f"config: {name} is {short(value)}, but must be text, a number, a list or a mapping.")
    return value


def _check_text(text: str, name: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise ConfigError(f"config: {name} is {short(text)}, but text has at most {LONGEST_TEXT} letters.")
    # Neither a file name nor a word of a command can hold these.
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        raise ConfigError(
            f"config: {name} is {short(text)}, but text must not hold zero bytes or halves of characters."
        )


def _number(text: str) -> object:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
