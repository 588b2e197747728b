"""Write a report: gather the facts, have Evidently's page made beside it, and put the sections together."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import Unavailable
from monitor.types import Model, Report, Window

if TYPE_CHECKING:
    from monitor.reports.facts import Context


def write_report(context: "Context", model: Model, window: Window, out_dir: Path, *, evidently: bool = True) -> Report:
    """Write the report on one window of a model and register it in the store.

    Written again for the same window it replaces the earlier one.

    Args:
        context: the store, profiles and clock, as jobs have them.
        model: whose.
        window: which time it covers, usually a week.
        out_dir: where reports are kept; this one gets a folder of its own, ``index.html`` in it.
        evidently: whether to have Evidently's page made too; it takes some seconds, in a process of its own.

    Returns:
        The report; its ``path`` is the page.

    Raises:
        Unavailable: the packages that draw are not installed, or the server stops.
    """
    try:
        from monitor.reports.compose import compose
    except ModuleNotFoundError as error:
        raise Unavailable(f"reports need {error.name}: pip install 'watchglass[reports]'") from error
    from monitor.reports.facts import gather
    from monitor.reports.second_opinion import second_opinion

    identity = hashlib.sha256(f"{model.name}\0{window.start.isoformat()}\0{window.end.isoformat()}".encode())
    report_id = identity.hexdigest()[:16]
    folder = out_dir.resolve() / report_id
    folder.mkdir(parents=True, exist_ok=True)
    facts = gather(context, model, window)
    if evidently:
        path, note = second_opinion(context, model, facts.version, window, folder)
    else:
        path, note = None, "Evidently's page was not asked for."
    facts = replace(facts, evidently=path, evidently_note=note)
    title, text = compose(facts)
    page = folder / "index.html"
    page.write_text(text, encoding="utf-8")
    report = Report(id=report_id, model=model.name, window=window, title=title, path=str(page), created=facts.made)
    context.store.reports.put(report)
    return report
