"""Numbers, times and spans as people read them: always with a unit, and ``–`` for what is missing, never 0."""

import math
from datetime import datetime, timedelta

MISSING = "–"


def _present(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def count(value: float | None) -> str:
    """A count: in full to 99,999, then in thousands and millions.

    >>> count(1234), count(1_234_567), count(None)
    ('1,234', '1.2 M', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.1f} {letter}"
    return f"{value / 1e3:.0f} k" if abs(value) >= 1e5 else f"{value:,.0f}"


def rate(share: float | None) -> str:
    """A share as per cent; small ones keep their first digit, none at all reads 0 %.

    >>> rate(0.9031), rate(0.0004), rate(0), rate(float("nan"))
    ('90.3 %', '0.04 %', '0 %', '–')
    """
    if share is None or not math.isfinite(share):
        return MISSING
    percent = share * 100
    if percent == 0:
        return "0 %"
    if abs(percent) < 0.01:
        return "<0.01 %"
    return f"{percent:.2f} %" if abs(percent) < 0.1 else f"{percent:.1f} %"


def points(change: float | None) -> str:
    """A change of a share, in percentage points.

    >>> points(0.02), points(-0.001), points(0.0001), points(1e-9)
    ('+2.0 pp', '−0.1 pp', '+0.01 pp', '0 pp')
    """
    if change is None or not math.isfinite(change):
        return MISSING
    percent = change * 100
    if abs(percent) < 0.0005:
        return "0 pp"
    if abs(percent) < 0.05:
        return f"{percent:+.1g} pp".replace("-", "−")
    return f"{percent:+.1f} pp".replace("-", "−")


def figure(value: float | None) -> str:
    """Three significant figures: drift, AUC, means.

    >>> figure(0.023408), figure(61.234), figure(12345.6), figure(0)
    ('0.0234', '61.2', '12,346', '0')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent >= 9 or exponent < -4:
        return f"{value:.2e}".replace("-", "−")
    rounded = f"{value:,.{max(0, 2 - exponent)}f}"
    return rounded.replace("-", "−")


def effect(value: float | None) -> str:
    """How much something matters: three significant figures, and next to nothing where it hardly does.

    >>> effect(0.0312), effect(-0.0004), effect(2.1e-6), effect(0), effect(None)
    ('0.0312', '−0.000400', '<0.0001', '0', '–')
    """
    return "<0.0001" if value is not None and 0 < abs(value) < 1e-4 else figure(value)


def times(ratio: float) -> str:
    """How many times something is another: evidence grows without end, and beyond a million says no more.

    >>> times(1.53), times(12345.6), times(3e30)
    ('1.5', '12,345.6', 'over 1,000,000')
    """
    return f"{ratio:,.1f}" if ratio < 1e6 else "over 1,000,000"


def signed(value: float | None) -> str:
    """Three significant figures with the sign always shown.

    >>> signed(0.0312), signed(-2.4)
    ('+0.0312', '−2.40')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    return ("+" if value > 0 else "") + figure(value)


def with_unit(value: float | None, unit: str) -> str:
    """A number in its unit: a ``share`` reads as per cent, ``ms`` as a duration, any other unit is written behind.

    >>> with_unit(61.234, "°F"), with_unit(0.031, "share"), with_unit(None, "°F"), with_unit(2, "")
    ('61.2 °F', '3.1 %', '–', '2.00')
    """
    if unit == "share":
        return rate(value)
    if unit == "ms":
        return duration(value)
    text = figure(value)
    return f"{text} {unit}" if unit and text != MISSING else text


def change(value: float | None, unit: str) -> str:
    """A change in its unit, with its sign: of a ``share`` in points.

    >>> change(0.031, "share"), change(-3317.2, "$"), change(0.5, "")
    ('+3.1 pp', '−3,317 $', '+0.500')
    """
    if unit == "share":
        return points(value)
    text = signed(value)
    return f"{text} {unit}" if unit and text != MISSING else text


def duration(milliseconds: float | None) -> str:
    """A latency: milliseconds below a second, seconds from there.

    >>> duration(0.42), duration(12.34), duration(345.6), duration(2345)
    ('0.42 ms', '12.3 ms', '346 ms', '2.35 s')
    """
    if milliseconds is None or not math.isfinite(milliseconds):
        return MISSING
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.3g} s"
    return f"{milliseconds:.2f} ms" if milliseconds < 1 else f"{milliseconds:.3g} ms"


def size(octets: float | None) -> str:
    """A file's size.

    >>> size(532), size(12_400_000)
    ('532 B', '12.4 MB')
    """
    if octets is None or not math.isfinite(octets):
        return MISSING
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if octets >= scale:
            return f"{octets / scale:.1f} {unit}"
    return f"{octets:.0f} B"


def day(moment: datetime | None) -> str:
    """A day with its weekday, as in ``Thu 19 Dec``.

    >>> day(datetime(2013, 12, 19))
    'Thu 19 Dec'
    """
    return MISSING if moment is None else f"{moment:%a} {moment.day} {moment:%b}"


def minute(moment: datetime | None) -> str:
    """A moment to the minute in ISO order, for tables.

    >>> minute(datetime(2013, 12, 19, 8, 5))
    '2013-12-19 08:05'
    """
    return MISSING if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def span(start: datetime, end: datetime) -> str:
    """A half-open span of time; whole days name the days they hold.

    >>> span(datetime(2013, 12, 19), datetime(2013, 12, 20))
    'Thu 19 Dec 2013'
    >>> span(datetime(2013, 12, 1), datetime(2013, 12, 8))
    'Sun 1 Dec – Sat 7 Dec 2013'
    """
    midnights = start.hour == start.minute == end.hour == end.minute == 0
    if midnights and end > start:
        last = end - timedelta(days=1)
        if last <= start:
            return f"{day(start)} {start.year}"
        return f"{day(start)} – {day(last)} {last.year}"
    return f"{day(start)} {start:%H:%M} – {day(end)} {end:%H:%M} {end.year}"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago something was, to one unit.

    >>> ago(datetime(2013, 1, 1, 8), datetime(2013, 1, 1, 11, 30))
    '3 h ago'
    """
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "just now" if seconds < 5 else f"{seconds:.0f} s ago"
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return MISSING


def _short(text: str) -> str:
    """A decimal number without zeros at its end."""
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def value(given: object, unit: str = "") -> str:
    """Any captured value: numbers in their unit, text as it is, nothing as ``–``.

    >>> value(61.234, "°F"), value(0.5), value("JFK"), value(True), value(None), value(-12)
    ('61.2 °F', '0.5', 'JFK', 'yes', '–', '−12')
    """
    if given is None:
        return MISSING
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, int):
        text = f"{given:,}" if abs(given) >= 10_000 else str(given)
        return f"{text} {unit}".strip().replace("-", "−")
    if isinstance(given, float):
        text = figure(given)
        if _present(given) and abs(given) < 1e9:  # as it was given: no zeros that nobody measured
            whole = given == round(given)
            text = f"{given + 0.0:,.0f}".replace("-", "−") if whole else _short(text)
        return f"{text} {unit}".strip() if text != MISSING else MISSING
    if isinstance(given, datetime):
        return minute(given)
    return str(given)
