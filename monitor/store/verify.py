"""Does the store add up? Each promise it makes is counted again from the rows themselves."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from monitor.errors import NotFound
from monitor.profile.binning import LATENCY
from monitor.profile.column import ColumnProfile
from monitor.profile.pieces import merge
from monitor.store import sampling, tables
from monitor.store.days import Spans
from monitor.store.ledger import FATES
from monitor.store.letters import BURIED
from monitor.store.store import Store
from monitor.store.thinning import reached
from monitor.types import ALL

_LABELS = "labels"
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Whether a half is an orphan yet does not matter here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold: its name, whether it does, and the figures."""

    name: str
    ok: bool
    detail: str


def verify(store: Store) -> list[Check]:
    """Count everything again, in one snapshot, and compare; every check must be ok."""
    with store.snapshot():
        checks = [_received(store), _halves(store), _seal(store)]
        for model in store.catalog.models():
            checks += [_stored(store, model.name), _once(store, model.name), _reach(store, model.name)]
            checks += [_profiled(store, model.name), _days(store, model.name), _letters(store, model.name)]
            checks += _sampled(store, model.name)
    return checks


def _received(store: Store) -> Check:
    fates: dict[tuple[str, str], int] = {}
    for line in store.ledger.lines():
        fates[line.model, line.source] = fates.get((line.model, line.source), 0) + line.rows
    received = store.ledger.received()
    wrong = {key: (received.get(key, 0), fates.get(key, 0)) for key in received.keys() | fates.keys()}
    wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
    parts = [f"{model}/{source}: received {a:,}, fates {b:,}" for (model, source), (a, b) in sorted(wrong.items())]
    detail = "; ".join(parts) or f"{sum(received.values()):,} rows received, each with one fate ({', '.join(FATES)})"
    return Check(name="received = stored + duplicate + rejected + dropped", ok=not wrong, detail=detail)


def _halves(store: Store) -> Check:
    """Compare the halves of exchanges that are there with those received that met no fate."""
    counts, doubled = store.halves.counts(_SOME_TIME), store.halves.doubled()
    wrong = [
        f"{count.model}/{count.source} {count.side}: {dict(count.fates)}, there {count.unpaired:,}"
        for count in counts
        if not count.adds_up
    ]
    wrong += [f"{doubled:,} are there twice, or beside their exchange"] if doubled else []
    taken, there = sum(count.fates.get("received", 0) for count in counts), sum(count.unpaired for count in counts)
    return Check(
        name="halves received = paired + late + failed + probe + expired + unpaired",
        ok=not wrong,
        detail="; ".join(wrong) or f"{taken:,} halves of exchanges received, {there:,} unpaired",
    )


def _seal(store: Store) -> Check:
    losses, number, sealed = store.ledger.losses(), store.ledger.last(), store.ledger.sealed()
    if losses:
        detail = "; ".join(f"acknowledged up to group {loss.expected:,}, found {loss.found:,}" for loss in losses)
        return Check(name="nothing acknowledged was cut off", ok=False, detail=f"{detail}: restore from a backup")
    return Check(
        name="nothing acknowledged was cut off", ok=number >= sealed, detail=f"{number:,} groups, {sealed:,} sealed"
    )


def _stored(store: Store, model: str) -> Check:
    """Compare what the ledger calls stored with the rows kept, thinned and expired, by source."""
    counted: dict[str, dict[str, int]] = {}
    for state, statement in (
        ("kept", f"SELECT _source AS source, count(*) AS rows FROM {tables.captured(model)} GROUP BY ALL"),  # noqa: S608 - quoted
        ("thinned", f"SELECT _source AS source, count(*) AS rows FROM {tables.narrow(model)} GROUP BY ALL"),  # noqa: S608 - quoted
        ("expired", "SELECT source, sum(rows)::BIGINT AS rows FROM expired WHERE model = $1 GROUP BY ALL"),
    ):
        for row in store.database.rows(statement, [model] if "$1" in statement else []):
            counted.setdefault(row["source"], {})[state] = row["rows"]
    labels = store.database.integer(f"SELECT count(*) FROM {tables.labels(model)}")  # noqa: S608 - quoted
    counted[_LABELS] = {"kept": labels}
    ledger = {line.source: line.rows for line in store.ledger.lines(model) if line.outcome == "stored"}
    sources = sorted(counted.keys() | ledger.keys())
    wrong = [name for name in sources if sum(counted.get(name, {}).values()) != ledger.get(name, 0)]
    parts = []
    for name in wrong or sources:
        states = counted.get(name, {})
        shown = " + ".join(f"{rows:,} {state}" for state, rows in states.items() if rows) or "0"
        parts.append(
            f"{name}: ledger {ledger.get(name, 0):,}, table {shown if len(states) > 1 else sum(states.values())}"
        )
    return Check(name=f"{model}: rows stored are there", ok=not wrong, detail="; ".join(parts))


def _once(store: Store, model: str) -> Check:
    every = store.rows.every(model, "_version, _id")
    pairs = f"SELECT 1 FROM {every} GROUP BY _version, _id HAVING count(*) > 1"  # noqa: S608 - quoted
    doubled = store.database.integer(f"SELECT count(*) FROM ({pairs})")  # noqa: S608 - quoted
    return Check(name=f"{model}: each id once a version", ok=not doubled, detail=f"{doubled:,} ids doubled")


def _sampled(store: Store, model: str) -> list[Check]:
    """Ask of every row whether its id's fate under the policy of its time is what became of it."""
    policies = sampling.policies(store.database, model)
    if not policies:
        return []
    done, wrong = reached(store.database, model), 0
    for policy in policies:
        end = done if policy.up_to_seq is None else min(done, policy.up_to_seq)
        inside, kept = f"_seq > {policy.after_seq} AND _seq <= {end}", sampling.kept(policy.rate)
        for table, against in (
            (tables.captured(model), f"NOT ({kept})"),
            (tables.narrow(model), f"_why = 'sampled' AND {kept}"),
        ):
            wrong += store.database.integer(f"SELECT count(*) FROM {table} WHERE {inside} AND ({against})")  # noqa: S608 - quoted
    first = policies[0].after_seq
    wrong += store.database.integer(
        f"SELECT count(*) FROM {tables.narrow(model)} WHERE _why = 'sampled' AND _seq <= ?",  # noqa: S608 - quoted
        [first],
    )
    found = store.thinning.counts(model)
    reasons = ", ".join(f"{rows:,} {why}" for why, rows in sorted(found.why.items())) or "none let go"
    detail = f"{found.kept:,} of {found.stored:,} rows kept, {reasons}; {wrong:,} rows against the policy"
    return [Check(name=f"{model}: rows are kept as the sampling says", ok=not wrong, detail=detail)]


def _letters(store: Store, model: str) -> Check:
    """Compare the dead letters there are with those ever kept less those replayed, deleted or kept long enough."""
    ends = {outcome: letters for (_, outcome), letters in store.letters.ends(model).items()}
    kept, waiting = ends.pop(BURIED, 0), sum(row["letters"] for row in store.letters.waiting() if row["model"] == model)
    parts = [f"{letters:,} {outcome.replace('_', ' ')}" for outcome, letters in sorted(ends.items())]
    detail = ", ".join([f"{kept:,} kept", *parts, f"{waiting:,} waiting"])
    return Check(name=f"{model}: each dead letter has one end", ok=kept == sum(ends.values()) + waiting, detail=detail)


def _reach(store: Store, model: str) -> Check:
    last, up_to = store.rows.last_seq(model), store.profiles.up_to_seq(model)
    return Check(
        name=f"{model}: profiles reach no further than rows", ok=up_to <= last, detail=f"{up_to:,} of {last:,}"
    )


def _profiled(store: Store, model: str) -> Check:
    """Compare the rows in each hour's profile with the rows stored, up to where profiles reach."""
    name = f"{model}: every row is in its hour's profile once"
    up_to = store.profiles.up_to_seq(model)
    if not up_to:
        return Check(name=name, ok=True, detail="nothing profiled yet")
    binning = store.catalog.binning(model)
    if binning is None:
        raise NotFound(f"The model {model!r} has profiles but no binning.")
    stored = {
        (row["version"], row["hour"]): row["rows"]
        for row in store.database.rows(
            "SELECT version, hour, sum(rows)::BIGINT AS rows FROM ("  # noqa: S608 - quoted
            "SELECT _version AS version, date_trunc('hour', _time) AS hour, count(*) AS rows "
            f"FROM {store.rows.every(model, '_seq, _version, _time')} WHERE _seq <= ? GROUP BY ALL "
            "UNION ALL SELECT version, hour, rows FROM expired WHERE model = ? AND profiled) GROUP BY ALL",
            [up_to, model],
        )
    }
    pieces = merge(store.profiles.pieces(model, columns=[LATENCY], segment=ALL, hours=True)).to_pylist()
    bins = binning.columns[LATENCY]
    profiled = {
        (piece["version"], piece["hour"]): ColumnProfile(LATENCY, bins, np.array(piece["counts"])).rows
        for piece in pieces
    }
    stored = _at_grain(stored, store.profiles.spans(model))
    wrong = [key for key in stored.keys() | profiled.keys() if stored.get(key, 0) != profiled.get(key, 0)]
    detail = f"{sum(stored.values()):,} rows in {len(stored):,} hours; {len(wrong):,} hours differ"
    return Check(name=name, ok=not wrong, detail=detail)


def _at_grain(stored: Mapping[tuple[str, datetime], int], spans: Spans) -> dict[tuple[str, datetime], int]:
    """Add up rows by day where profiles are no longer there by the hour, and leave out what has none at all."""
    found: Counter[tuple[str, datetime]] = Counter()
    for (version, hour), rows in stored.items():
        if spans.days_from is None or hour >= spans.days_from:
            by_day = spans.hours_from is not None and hour < spans.hours_from
            found[version, hour.replace(hour=0) if by_day else hour] += rows
    return dict(found)


def _days(store: Store, model: str) -> Check:
    """Compare the profile of each day that is kept by the hour too with the sum of its hours."""
    equal = store.profiles.days_equal_hours(model)
    detail = f"{len(equal):,} days; {equal.count(False):,} differ"
    return Check(name=f"{model}: each day's profile is the sum of its hours", ok=all(equal), detail=detail)
