"""How far an explanation is to be trusted, in words, and which methods can explain a version's rows."""

from app.runtime import runtime
from app.telling import apart
from monitor.charts import format as fmt
from monitor.errors import WatchglassError
from monitor.types import Explanation

QUALITY = {
    "additivity_gap": "Steps miss the answer by",
    "served_gap": "Differs from the captured answer by",
    "scaled": "Scaled",
    "exact": "Every combination of inputs tried",
    "coalitions": "Combinations of inputs tried",
    "pairs": "Pairs of inputs",
    "draws_per_pair": "Combinations tried of each pair",
    "rows_used": "Answers asked of the model",
    "background_rows": "Rows it is compared with",
    "background_source": "They come from",
    "target": "Model asked",
    "device": "It ran on",
    "r2": "Fit of the simple model (R²)",
    "local_prediction": "Answer of the simple model",
    "local_gap": "Simple model and model differ by",
    "completeness_gap": "Contributions miss the answer by",
    "relative_error": "Standard errors, of the contributions' size",
    "tolerance": "Standard errors wanted",
    "reached": "As precise as wanted",
    "deletion_auc": "Area as inputs go, its order (small is good)",
    "deletion_auc_random": "The same, random order",
    "insertion_auc": "Area as inputs come, its order (large is good)",
    "insertion_auc_random": "The same, by chance",
    "off_manifold_share": "Rows asked that are unlike all usual rows",
    "probe_rows": "Answers asked for these tests",
    "absent": "What is absent",
    "held": "Not explained, held as they were",
    "chosen_because": "Method chosen because",
}
_SHARES = ("relative_error", "tolerance", "off_manifold_share")
_TARGETS = {"artifact": "the registered model file", "endpoint": "the served endpoint"}
FEW = 20
"""Fewer rows to compare with say little about what is usual."""

_NOTHING = 1e-9  # rounding, not a difference


def trust(found: Explanation) -> dict[str, str]:
    """What speaks for and against an explanation, and how to make it again; in words, without what is not known."""
    shown: dict[str, str] = {}
    for name in sorted(found.quality, key=lambda name: (list(QUALITY).index(name) if name in QUALITY else 99, name)):
        given = found.quality[name]
        if given is None or name == "seconds":
            continue
        if isinstance(given, float) and abs(given) < _NOTHING:
            given = 0
        words = _TARGETS.get(str(given)) if name == "target" else None
        if name in _SHARES and isinstance(given, int | float):
            words = fmt.rate(given)
        shown[QUALITY.get(name) or name.replace("_", " ").capitalize()] = words or fmt.value(given)
    return shown | {
        "Computed in": fmt.duration(found.seconds * 1000),
        "Explained": f"{found.output} ({found.link})" if found.link != "identity" else found.output,
        "Seed": str(found.seed),
        "Fingerprint of the model": found.model_hash[:12],
        "Fingerprint of the background": found.background_hash[:12],
        "Made": f"{fmt.minute(found.created)} UTC",
    }


def emptied(found: Explanation) -> bool:
    """Tell whether what is absent is left out or painted over, so that no other rows are compared with."""
    absent = found.quality.get("absent")
    return bool(absent) and "background" not in str(absent)


def methods_for(model: str, version: str) -> dict[str, str | None]:
    """Every method, and why it cannot explain a version's rows: none can where the version cannot be asked at all."""
    try:
        return runtime().explain.usable(model, version)
    except WatchglassError as error:
        return dict.fromkeys(runtime().explain.methods(), str(error))


def trusted(found: Explanation) -> list[str]:
    """What the card comes to, in a sentence or two: precision, and whether the order of the inputs holds.

    Only what is known is said.
    """
    quality = found.quality
    said = []
    gap = quality.get("served_gap")
    if apart(gap, found.prediction):
        said.append(
            ":material/error: This is not the model that served the row: what was asked now answers "
            f"{fmt.value(float(found.prediction))}, {fmt.value(gap)} from what was captured. Check this "
            "version's file or endpoint."
        )
    compared = quality.get("background_rows")
    if isinstance(compared, int) and 0 < compared < FEW and not emptied(found):
        rows = "1 row" if compared == 1 else f"{compared} rows"
        said.append(f":material/warning: Compared with {rows} only, so what is average is hardly known.")
    if quality.get("exact"):
        said.append(":material/check_circle: Exact: nothing was left to chance.")
    elif isinstance(error := quality.get("relative_error"), float):
        reached, wanted = quality.get("reached"), float(quality.get("tolerance") or 0)
        icon = ":material/check_circle:" if reached else ":material/warning:"
        rest = "" if reached else f", more than the {fmt.rate(wanted)} wanted: allow more rows"
        said.append(f"{icon} Sure to {fmt.rate(error)} of the contributions' size{rest}.")
    elif isinstance(fit := quality.get("r2"), float):
        good = fit >= 0.7
        icon = ":material/check_circle:" if good else ":material/warning:"
        rest = "" if good else ": the model is not as simple as that nearby, so rely on it little"
        said.append(f"{icon} The simple model follows {fmt.rate(fit)} of how the answers vary{rest}.")
    order, chance = quality.get("deletion_auc"), quality.get("deletion_auc_random")
    if isinstance(order, float) and isinstance(chance, float):
        better = order < chance
        icon = ":material/check_circle:" if better else ":material/warning:"
        so = "sooner than" if better else "no sooner than"
        said.append(f"{icon} Taking away what it names first changes the answer {so} taking away parts at random.")
    return said
