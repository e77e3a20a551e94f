"""The configuration as values: checked against the schema and against physics, with one sentence per mistake."""

import difflib
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from .spec import LinePoint, Network, Point, Protocol

FOLDER = Path(__file__).resolve().parents[2] / "config"
SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "config.schema.yaml"
MNIST_IMAGES, MNIST_PIXELS = 70_000, 784


class ConfigError(ValueError):
    """One sentence: the key, its value, and what is allowed. Characters that no terminal shows are written out."""

    def __init__(self, sentence: str):
        shown = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in sentence)
        super().__init__("".join(shown))


def with_numbers(config: Mapping) -> dict:
    """The configuration with numbers that were read as text as numbers.

    Nested values given by --config arrive as text, and YAML reads 1e-3 (without a point) as text, too.
    """
    numeric = ("random", "sweeps", "lines", "analysis")
    return {key: _numbers(value) if key in numeric else value for key, value in config.items()}


def read_points(config: Mapping) -> dict[str, dict[str, Point]]:
    """Check a merged configuration; return the points of each sweep by their names, in increasing P and width.

    Raises ConfigError at the first mistake.
    """
    check_schema(config)
    known = [*config["sweeps"], *config["lines"]]
    for name in config["only"]:
        if name not in known:
            raise ConfigError(f"config: only names {_short(name)}, but must be of {', '.join(known)}.")
    for name in ("theta_range", "gamma_range"):
        low, high = config["analysis"][name]
        if not low < high:
            raise ConfigError(f"config: analysis.{name} is [{low}, {high}], but must increase.")
    return {name: {point.name: point for point in _points(name, config)} for name in _chosen(config, "sweeps")}


def read_lines(config: Mapping) -> dict[str, dict[str, LinePoint]]:
    """The points of each line N*(P) by their names, in increasing P; `config` has passed `read_points`.

    Raises ConfigError at the first mistake.
    """
    return {
        name: {f"P{point.n_train:05d}": point for point in _line(name, config)} for name in _chosen(config, "lines")
    }


def _chosen(config: Mapping, kind: str) -> list[str]:
    """The names of the sweeps or lines that are to be run."""
    return [name for name in config[kind] if not config["only"] or name in config["only"]]


def load(preset: str, more: Iterable[Path] = (), folder: Path = FOLDER) -> dict:
    """What Snakemake makes of the defaults, a preset and further files: mappings merged, lists replaced; unchecked.

    Raises ConfigError for a preset that is not there, and for a file that is none or is not a mapping.
    """
    merged = {}
    for path in (folder / "config.yaml", preset_file(preset, folder / "presets"), *more):
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"config: {path} cannot be read: {' '.join(str(error).split())}.") from None
        if not isinstance(values, dict):
            raise ConfigError(f"config: {path} holds {_short(values)}, but must be a mapping.")
        _merge(merged, values)
    return with_numbers({**merged, "preset": preset})


def check_schema(config: Mapping) -> None:
    """Raise ConfigError for a value YAML has and JSON has not, else for the most telling of the schema's complaints."""
    _check_values(config, "")
    error = best_match(_validator().iter_errors(config))
    if error is not None:
        raise ConfigError(sentence(error))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))


def preset_file(preset: object, folder: Path) -> Path:
    """The file of a preset. Raises ConfigError, naming those there are, if there is none of that name."""
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if preset not in known:
        raise ConfigError(f"config: preset is {_short(preset)}, but must be one of {', '.join(known)}.")
    return folder / f"{preset}.yaml"


def _check_values(value: object, where: str) -> None:
    """Raise ConfigError for a key that is no text and for a number that is not finite: no schema looks at these."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ConfigError(
                    f"config: {where or 'the top level'} has the key {_short(key)}, but keys must be text."
                )
            _check_values(item, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_values(item, f"{where}.{index}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"config: {where} is {value}, but must be a finite number.")


def _merge(base: dict, more: Mapping) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _numbers(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, str):
        for number in (int, float):
            try:
                return number(value)
            except ValueError:
                continue
    return value


def _points(name: str, config: Mapping) -> Iterable[Point]:
    sweep = config["sweeps"][name]
    protocol = _protocol(name, sweep["protocol"])
    where = f"config: sweeps.{name}"
    if protocol.name == "cross_entropy_sgd":
        raise ConfigError(f"{where}.protocol.name is 'cross_entropy_sgd', but only lines are trained with it.")
    if sweep["dataset"] == "mnist":
        most, holds = MNIST_IMAGES, f"MNIST holds {MNIST_IMAGES} images"
        if sweep["network"]["dim"] > MNIST_PIXELS:
            dim = sweep["network"]["dim"]
            raise ConfigError(f"{where}.network.dim is {dim}, but an image has {MNIST_PIXELS} pixels: at most that.")
    else:
        # Half of the pool stays unseen, as fresh data; see datasets/random.py.
        most = config["random"]["n_patterns"] // 2
        holds = f"half of random.n_patterns is {most}"
    widths = sweep["network"]["width"]
    for n_train in _axis(where, sweep["n_train"]):
        if n_train > most:
            raise ConfigError(f"{where}.n_train holds {n_train}, but {holds}: at most that.")
        for width in sorted(widths) if isinstance(widths, list) else [widths]:
            yield Point(
                sweep=name,
                dataset=sweep["dataset"],
                network=Network(**{**sweep["network"], "width": width}),
                protocol=protocol,
                n_train=n_train,
                replicas=sweep["replicas"],
                dtype=config["dtype"],
                seed=config["seed"],
            )


def _line(name: str, config: Mapping) -> Iterable[LinePoint]:
    line, where = config["lines"][name], f"config: lines.{name}"
    dim = line["network"]["dim"]
    if line["dataset"] == "mnist" and (dim == "width" or dim > MNIST_PIXELS):
        raise ConfigError(f"{where}.network.dim is {dim}, but an image has {MNIST_PIXELS} pixels: at most that.")
    if line["first_ratio"] > line["max_ratio"]:
        raise ConfigError(
            f"{where}.first_ratio is {line['first_ratio']}, but max_ratio is {line['max_ratio']}: at most that."
        )
    for n_train in _axis(where, line["n_train"]):
        if line["dataset"] == "mnist" and n_train > MNIST_IMAGES:
            raise ConfigError(f"{where}.n_train holds {n_train}, but MNIST holds {MNIST_IMAGES} images: at most that.")
        yield LinePoint(
            line=name,
            dataset=line["dataset"],
            depth=line["network"]["depth"],
            activation=line["network"]["activation"],
            dim=0 if dim == "width" else dim,
            protocol=_protocol(name, line["protocol"], "lines"),
            n_train=n_train,
            replicas=line["replicas"],
            dtype=config["dtype"],
            seed=config["seed"],
            first_ratio=float(line["first_ratio"]),
            max_ratio=float(line["max_ratio"]),
            shortest_time=line["shortest_time"],
        )


def _axis(where: str, n_train: list[int] | Mapping) -> list[int]:
    """The values of P in increasing order, from a list or from {from, to, count} (evenly spaced, ends included)."""
    if not isinstance(n_train, Mapping):
        return sorted(n_train)
    start, stop, count = n_train["from"], n_train["to"], n_train["count"]
    if stop < start or count > stop - start + 1 or (count == 1 and stop != start):
        raise ConfigError(
            f"{where}.n_train goes from {start} to {stop} in {count} values, "
            "but must increase and hold as many different whole numbers."
        )
    return [round(start + (stop - start) * i / max(count - 1, 1)) for i in range(count)]


def _protocol(name: str, values: Mapping, kind: str = "sweeps") -> Protocol:
    where = f"config: {kind}.{name}.protocol"
    numbers = {key: float(values[key]) for key in ("margin", "rate", "floor")}
    if numbers["floor"] > numbers["rate"]:
        raise ConfigError(
            f"{where}.floor is {numbers['floor']}, but the rate starts at {numbers['rate']}: at most that."
        )
    descends = values["name"] == "hinge_lbfgs_annealed"
    if descends and not 0 < values.get("lbfgs_steps", 0) < values["steps"]:
        raise ConfigError(
            f"{where}.lbfgs_steps is {values.get('lbfgs_steps', 'missing')}, but hinge_lbfgs_annealed needs at least 1 "
            f"and fewer than its {values['steps']} steps, so that some are left for Adam."
        )
    # What a protocol does not use has no value, so that editing it trains nothing anew.
    return Protocol(
        name=values["name"],
        margin=0.0 if values["name"] == "cross_entropy_sgd" else numbers["margin"],
        steps=values["steps"],
        rate=numbers["rate"],
        floor=0.0 if values["name"] == "hinge_adam_constant" else numbers["floor"],
        drop_every=values["drop_every"] if values["name"] == "hinge_adam" else 0,
        lbfgs_steps=values["lbfgs_steps"] if descends else 0,
    )


def sentence(error: ValidationError, subject: str = "config") -> str:
    """The validator's complaint about `subject` in one sentence a physicist reads."""
    key = ".".join(str(part) for part in error.absolute_path) or "the top level"
    value, rule, allowed = error.instance, error.validator, error.validator_value
    if rule == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(str(name) for name in value if name not in known)[0]
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"{subject}: {key} has an unknown key '{unknown}'{hint}; allowed are {', '.join(known)}."
    if rule == "required":
        missing = next(name for name in allowed if name not in value)
        where = " in the preset or in your config" if subject == "config" else ""
        return f"{subject}: {key} lacks the key '{missing}'; give it{where}."
    said = f"{subject}: {key} is {_short(value)}, but "
    if rule == "type":
        return f"{said}must be {_kind(allowed)}."
    if rule == "const":
        return f"{said}must be {allowed!r} or a whole number."
    if rule == "enum":
        return f"{said}must be one of {', '.join(map(str, allowed))}."
    if rule == "minimum":
        return f"{said}must be at least {allowed}."
    if rule == "maximum":
        return f"{said}must be at most {allowed}."
    if rule == "exclusiveMinimum":
        return f"{said}must be greater than {allowed}."
    if rule in ("minItems", "minProperties"):
        return f"{said}must hold at least {allowed}."
    if rule == "maxItems":
        return f"{said}must hold at most {allowed}."
    if rule == "uniqueItems":
        return f"{said}must not hold a value twice."
    if rule == "pattern":
        return f"{said}must match the pattern {allowed}."
    return f"{said}{error.message}."


def _kind(allowed: object) -> str:
    names = {
        "integer": "a whole number",
        "number": "a number",
        "string": "text",
        "array": "a list",
        "object": "a mapping",
    }
    return names.get(str(allowed), str(allowed))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
