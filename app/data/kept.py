"""How many of a window's rows are kept, in words: what is listed is fewer than what is counted."""

from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.store import Kept
from monitor.types import Model, Window


def kept(model: Model, window: Window, version: str | None) -> str | None:
    """Say how many rows of a window are kept; None where all of them are."""
    thinning = runtime().store.thinning
    return None if thinning.whole(model.name) else said(thinning.counts(model.name, window, version), model)


def said(found: Kept, model: Model) -> str | None:
    """Say what share of rows is kept, what was asked for, and that counts and charts cover all of them.

    >>> from monitor.types import ModelSchema, Sampling, Settings, Task
    >>> settings = Settings(sampling=Sampling(rate=0.05))
    >>> schema = ModelSchema(model="m", task=Task.REGRESSION, features=())
    >>> from datetime import UTC, datetime
    >>> model = Model(name="m", schema=schema, settings=settings, created=datetime(2026, 1, 1, tzinfo=UTC))
    >>> said(Kept(60_000, 1_140_000, 0, {"sampled": 1_140_000}), model)
    '1 in 20 rows kept (5.0 %, asked 5.0 %); counts and charts cover all 1.2 M.'
    """
    if found.rate is None or found.kept == found.stored:
        return None
    settings = model.settings
    asked = [fmt.rate(settings.sampling.rate)] if settings.sampling.rate < 1 else []
    if settings.sampling.newest is not None:
        asked.append(f"the newest {fmt.count(settings.sampling.newest)}")
    if settings.keep_rows_days is not None:
        asked.append(f"those of the last {settings.keep_rows_days:,} days")
    share = f"1 in {round(1 / found.rate):,} rows" if 0 < found.rate < 0.4 else f"{fmt.count(found.kept)} rows"
    return (
        f"{share} kept ({fmt.rate(found.rate)}, asked {' and '.join(asked) or 'all from now on'}); "
        f"counts and charts cover all {fmt.count(found.stored)}."
    )
