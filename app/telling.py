"""What the command line says about results that are more than counts."""

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 30


def counts(told: Mapping[str, Any]) -> str:
    """Return the whole numbers of a result as words.

    >>> counts({"stored": 1234, "rejected": 0, "note": "x"})
    '1,234 stored, 0 rejected'
    """
    return ", ".join(f"{value:,} {name}" for name, value in told.items() if isinstance(value, int))


def imported(told: Mapping[str, Any]) -> str:
    """Return what became of files' rows: one line of counts for each kind, then what failed and the first errors.

    >>> print(imported({"labels": {"stored": 1}, "errors": [{"row": 2, "reason": "bad_id", "detail": "empty"}]}))
    labels: 1 stored
    row 2: bad_id: empty
    """
    lines = [f"{what}: {counts(told[what])}" for what in ("inferences", "labels", "halves") if what in told]
    if "before" in told:
        lines.append(f"imported before, and not sent again: {counts(told['before'])}")
    lines += [f"FAILED {each['file']}: {each['detail']}" for each in told.get("failed", ())]
    return "\n".join(
        lines + [f"row {each['row']}: {each['reason']}: {each['detail']}" for each in told.get("errors", ())]
    )


def peeked(told: Sequence[Mapping[str, Any]]) -> str:
    """Return what files hold, and as what each column would be taken.

    >>> column = {"column": "temp", "type": "double", "as": "numeric"}
    >>> print(peeked([{"file": "a.csv", "rows": 2, "columns": [column], "missing": ["wind"]}]))
    a.csv: 2 rows
      temp                           double               numeric
      missing: wind
    """
    lines = []
    for each in told:
        lines.append(f"{each['file']}: {each['rows']:,} rows" + (f"; {each['detail']}" if "detail" in each else ""))
        lines += [f"  {one['column']:<30} {one['type']:<20} {one['as']}" for one in each.get("columns", ())]
        lines += [f"  missing: {', '.join(each['missing'])}"] if each.get("missing") else []
    return "\n".join(lines)


def explanation(told: Mapping[str, Any]) -> str:
    """Return an explanation as lines: the largest contribution first, a bar for each.

    >>> print(explanation({"method": "shap", "output": "P(late)", "base_value": 0.2, "prediction": 0.5,
    ...     "attributions": {"a": 0.3, "b": 0.0}, "values": {"a": 1, "b": "x"}, "seconds": 0.1}))
    P(late) = 0.5000; base value 0.2000 (shap, 0.1 s)
      a = 1                          +0.3000  ++++++++++++++++++++++++++++++
      b = x                          +0.0000
    """
    ranked = sorted(told["attributions"].items(), key=lambda item: -abs(item[1]))
    largest = max((abs(value) for _, value in ranked), default=0.0) or 1.0
    how = f"({told['method']}, {told['seconds']:.1f} s)"
    lines = [f"{told['output']} = {told['prediction']:.4f}; base value {told['base_value']:.4f} {how}"]
    for name, value in ranked:
        bar = ("+" if value > 0 else "-") * round(_WIDTH * abs(value) / largest)
        what = f"{name} = {told['values'].get(name)}"
        lines.append(f"  {what:<30.30} {value:+.4f}  {bar}".rstrip())
    return "\n".join(lines)


def costing(told: Mapping[str, Any]) -> str:
    """Return what an explanation would cost, in a line.

    >>> costing({"method": "shapley", "target": "endpoint", "rows": 21800, "requests": 43, "concurrency": 4,
    ...     "cached": False})
    'shapley on the endpoint: at most 21,800 model rows in 43 requests, 4 at a time'
    """
    if told["cached"]:
        return f"{told['method']} on the {told['target']}: nothing, it is stored"
    sent = f" in {told['requests']:,} requests, {told['concurrency']} at a time" if told["requests"] else ""
    return f"{told['method']} on the {told['target']}: at most {told['rows']:,} model rows{sent}"
