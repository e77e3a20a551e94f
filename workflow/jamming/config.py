"""The configuration: read, checked against the schema and against physics, with one sentence for each mistake."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from .inventory import datasets
from .plain_values import ConfigError, plain, read_file, short
from .spec import ACTIVATIONS, LBFGS_MEMORY, PROTOCOLS, LinePoint, Network, Point, Protocol

__all__ = ["ConfigError", "checked", "load", "preset_file", "read_lines", "read_points", "sentence"]

FOLDER = Path(__file__).resolve().parents[2] / "config"
SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "config.schema.yaml"
MNIST_IMAGES, MNIST_PIXELS = 70_000, 784


NUMERIC = ("random", "sweeps", "lines", "analysis")
"""In these sections, text that looks like a number is read as one. Nested values of --config are text, and YAML reads
1e-3 as text, too."""
MOST_POINTS = 50_000
"""The limit for all sweeps together, and for all lines. Snakemake cannot plan more jobs."""


def checked(config: Mapping) -> dict:
    """The configuration, with each value converted to the type that the schema declares.

    For example, 2.0 replicas become 2, and a rate of 1 becomes 1.0. Raises ConfigError at the first mistake.
    """
    config = plain(config, NUMERIC)
    error = best_match(_validator().iter_errors(config))
    if error is not None:
        raise ConfigError(sentence(error))
    known = [*config["sweeps"], *config["lines"]]
    for name in config["lines"]:
        if name in config["sweeps"]:
            raise ConfigError(f"config: lines has the name {short(name)}, which is that of a sweep; take another.")
    for name in config["only"]:
        if name not in known:
            raise ConfigError(f"config: only names {short(name)}, but must be of {', '.join(known)}.")
    for name in ("theta_range", "gamma_range"):
        low, high = config["analysis"][name]
        if not low < high:
            raise ConfigError(f"config: analysis.{name} is [{low}, {high}], but must increase.")
    return _typed(config, _schema())


def read_points(config: Mapping) -> dict[str, dict[str, Point]]:
    """The points of each sweep by their names: {sweep: {name: Point}}, in order of increasing P and width.

    `config` must come from `checked`. Raises ConfigError at the first mistake.
    """
    names = _chosen(config, "sweeps")
    _check_number({name: config["sweeps"][name]["network"]["width"] for name in names}, config["sweeps"], "sweeps")
    return {name: {point.name: point for point in _points(name, config)} for name in names}


def read_lines(config: Mapping) -> dict[str, dict[str, LinePoint]]:
    """The points of each line N*(P) by their names: {line: {name: LinePoint}}, in order of increasing P.

    `config` must come from `checked`. Raises ConfigError at the first mistake.
    """
    names = _chosen(config, "lines")
    _check_number(dict.fromkeys(names, 1), config["lines"], "lines")
    return {name: {point.name: point for point in _line(name, config)} for name in names}


def _chosen(config: Mapping, kind: str) -> list[str]:
    """The names of the sweeps or lines that are to be run."""
    return [name for name in config[kind] if not config["only"] or name in config["only"]]


def load(preset: str, more: Iterable[Path] = (), folder: Path = FOLDER) -> dict:
    """The checked configuration from the defaults, a preset and further files, merged as Snakemake merges them.

    A later file overrides earlier ones: mappings are merged, and lists are replaced. Raises ConfigError for an unknown
    preset, and as `read_file` and `checked` do.
    """
    merged = {}
    for path in (folder / "config.yaml", preset_file(preset, folder / "presets"), *more):
        _merge(merged, read_file(path))
    return checked({**merged, "preset": preset})


@cache
def _schema() -> dict:
    """The schema from its file, with the names of data sets, activations and protocols from the code."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    names = {"dataset": datasets(), "activation": ACTIVATIONS, "protocol_name": PROTOCOLS}
    schema["$defs"] |= {name: {"enum": list(known)} for name, known in names.items()}
    return schema


@cache
def _validator() -> Draft202012Validator:
    return extend(Draft202012Validator, {"uniqueItems": _no_value_twice})(_schema())


def _no_value_twice(validator: object, unique: bool, values: object, schema: object) -> Iterator[ValidationError]:
    """Replaces jsonschema's own rule, which compares all pairs of values if their types are mixed."""
    scalars = [value for value in values if not isinstance(value, (list, dict))] if isinstance(values, list) else []
    if len(set(scalars)) < len(scalars):
        yield ValidationError("a value stands twice")


def _typed(value: object, rules: object) -> object:
    """A value that obeys the schema `rules`, with each number converted to the type that they declare."""
    if "$ref" in rules:
        rules = _schema()["$defs"][rules["$ref"].rpartition("/")[2]]
    if "if" in rules:
        rules = rules["then" if _validator().evolve(schema=rules["if"]).is_valid(value) else "else"]
    if isinstance(value, Mapping):
        known, other = rules.get("properties", {}), rules.get("additionalProperties")
        return {key: _typed(item, known.get(key, other)) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, rules["items"]) for item in value]
    kind = rules.get("type")
    return int(value) if kind == "integer" else float(value) if kind == "number" else value


def preset_file(preset: object, folder: Path) -> Path:
    """The file of a preset. Raises ConfigError, with the names of all presets, for an unknown one."""
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if preset not in known:
        raise ConfigError(f"config: preset is {short(preset)}, but must be one of {', '.join(known)}.")
    return folder / f"{preset}.yaml"


def _merge(base: dict, more: Mapping) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _check_number(widths: Mapping[str, object], described: Mapping, kind: str) -> None:
    """Raise ConfigError if the sweeps or lines (`kind`) have too many points; `widths` holds the widths by name."""
    total = 0
    for name, scanned in widths.items():
        axis = described[name]["n_train"]
        patterns = axis["count"] if isinstance(axis, Mapping) else len(axis)
        total += patterns * (len(scanned) if isinstance(scanned, list) else 1)
    if total > MOST_POINTS:
        raise ConfigError(f"config: {kind} have {total} points in all, but at most {MOST_POINTS} can be planned.")


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
            first_ratio=line["first_ratio"],
            max_ratio=line["max_ratio"],
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
    if values["floor"] > values["rate"]:
        raise ConfigError(f"{where}.floor is {values['floor']}, but the rate starts at {values['rate']}: at most that.")
    descends = values["name"] == "hinge_lbfgs_annealed"
    start = values.get("start_steps", 0) if descends else 0
    if descends and not 0 < values.get("lbfgs_steps", 0) < values["steps"] - start:
        raise ConfigError(
            f"{where}.lbfgs_steps is {values.get('lbfgs_steps', 'missing')}, but hinge_lbfgs_annealed needs at least 1 "
            f"and fewer than its {values['steps']} steps"
            f"{f' less {start} start_steps' if start else ''}, so that some are left for Adam."
        )
    # A setting that the protocol does not use gets a fixed value, so that changing it trains nothing again.
    return Protocol(
        name=values["name"],
        margin=0.0 if values["name"] == "cross_entropy_sgd" else values["margin"],
        steps=values["steps"],
        rate=values["rate"],
        floor=0.0 if values["name"] == "hinge_adam_constant" else values["floor"],
        drop_every=values["drop_every"] if values["name"] == "hinge_adam" else 0,
        lbfgs_steps=values["lbfgs_steps"] if descends else 0,
        lbfgs_memory=values.get("lbfgs_memory", LBFGS_MEMORY) if descends else 0,
        lbfgs_loss=values.get("lbfgs_loss", 0.0) if descends else 0.0,
        start_steps=start,
    )


def sentence(error: ValidationError, subject: str = "config") -> str:
    """The validator's error about `subject` (the configuration or the claims) as one sentence for a physicist."""
    key = ".".join(str(part) for part in error.absolute_path) or "the top level"
    value, rule, allowed = error.instance, error.validator, error.validator_value
    if rule == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(str(name) for name in value if name not in known)[0]
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"{subject}: {key} has an unknown key {short(unknown)}{hint}; allowed are {', '.join(known)}."
    if rule == "required":
        missing = next(name for name in allowed if name not in value)
        where = " in the preset or in your config" if subject == "config" else ""
        return f"{subject}: {key} lacks the key '{missing}'; give it{where}."
    said = f"{subject}: {key} is {short(value)}, but "
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
    if rule in ("maxItems", "maxProperties"):
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
