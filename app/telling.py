"""What the command line says about results that are more than counts."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from monitor.charts import format as fmt

_WIDTH, _NAME = 30, 31
_MOST = 30  # lines of parts
_APART = 0.005  # of an answer: more than rounding
_SURE = 1.96  # standard errors at either side hold it in 95 of 100 runs


def apart(gap: object, prediction: float) -> TypeGuard[float]:
    """Tell whether an answer is so far from the captured one (``gap``; None if unknown) that another model made it.

    >>> apart(0.1, 0.5), apart(1e-6, 0.5), apart(None, 0.5)
    (True, False, False)
    """
    return isinstance(gap, int | float) and gap > _APART * max(abs(prediction), 0.1)


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
    """Return an explanation as lines: the largest contribution first, a bar for each; of one text or image its parts.

    >>> print(explanation({"method": "shap", "output": "P(late)", "base_value": 0.2, "prediction": 0.5,
    ...     "attributions": {"a": 0.3, "b": 0.0}, "values": {"a": 1, "b": None}, "seconds": 0.1}))
    P(late) = 0.5; base value 0.2 (shap, 0.1 s)
      a = 1                           +0.300               ++++++++++++++++++++++++++++++
      b = missing                     0
    """
    listed = _listed(told)
    ranked = sorted(listed, key=lambda item: -abs(item[1]))
    largest = max((abs(amount) for _, amount, _ in ranked), default=0.0) or 1.0
    how = f"({told['method']}, {told['seconds']:.1f} s)"
    lines = [f"{told['output']} = {fmt.value(told['prediction'])}; base value {fmt.value(told['base_value'])} {how}"]
    gap = (told.get("quality") or {}).get("served_gap")
    if apart(gap, told["prediction"]):
        lines.append(f"  Not what was served: the captured answer is {fmt.value(gap)} away. Check file and inputs.")
    for name, amount, error in ranked[:_MOST]:
        bar = ("+" if amount > 0 else "-") * round(_WIDTH * abs(amount) / largest)
        sure = f"{fmt.signed(amount)} ± {fmt.figure(_SURE * error)}" if error else fmt.signed(amount)
        lines.append(f"  {_cut(name):<31} {sure:<20} {bar}".rstrip())
    if len(ranked) > _MOST:
        rest = sum(amount for _, amount, _ in ranked[_MOST:])
        lines.append(f"  {f'{len(ranked) - _MOST:,} others together':<31} {fmt.signed(rest)}")
    if any(error for *_, error in ranked):
        lines.append("  ± holds the contribution in 95 of 100 runs")
    return "\n".join(lines)


def _listed(told: Mapping[str, Any]) -> list[tuple[str, float, float | None]]:
    parts = told.get("parts") or []
    if len(told["attributions"]) == 1 and parts:
        return [(part["label"], part["amount"], part.get("error")) for part in parts]
    errors = told.get("standard_errors") or {}
    return [
        (f"{name} = {_said(told['values'].get(name))}", amount, errors.get(name))
        for name, amount in told["attributions"].items()
    ]


def _said(value: object) -> str:
    return "missing" if value is None else fmt.value(value)


def _cut(name: str) -> str:
    flat = " ".join(name.split())
    return flat if len(flat) <= _NAME else flat[: _NAME - 1] + "…"


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
