"""Write measured numbers as text, with as many digits as their interval justifies."""

import math


def rounded(value: float, interval: tuple[float, float] | None) -> str:
    """A value with two digits of its interval's half-width, or with three significant digits without an interval."""
    return _fixed(value, _decimals(value, interval))


def rounded_interval(interval: tuple[float, float] | None, value: float | None = None) -> str:
    """An interval as "[2.71, 2.83]", with the digits of `rounded(value, interval)`, or "–" if there is none."""
    if interval is None or any(end is None for end in interval):
        return "–"
    decimals = _decimals(interval[0] if value is None else value, interval)
    return f"[{_fixed(interval[0], decimals)}, {_fixed(interval[1], decimals)}]"


def _decimals(value: float, interval: tuple[float, float] | None) -> int:
    size = abs(value)
    digits = 3
    if interval is not None and None not in interval:
        half = abs(interval[1] - interval[0]) / 2
        if 0 < half < math.inf:
            size, digits = half, 2
    if not 0 < size < math.inf:
        return 0 if float(value).is_integer() else 2
    # A whole number without an interval is a count, so it gets no decimals.
    if size == abs(value) and float(value).is_integer():
        return 0
    return max(0, digits - 1 - math.floor(math.log10(size)))


def _fixed(value: float, decimals: int) -> str:
    """A number in fixed point, or with a power of ten if it has many zeros. The minus sign is U+2212."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "–"
    text = f"{value:.{decimals}f}"
    if decimals > 5 and value != 0:
        factor, exponent = f"{value:.1e}".split("e")
        text = f"{factor}×10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return text.replace("-", "−")


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
