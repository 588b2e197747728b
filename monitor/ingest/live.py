"""The profile of one model as it grows: pieces in the store, and in memory what they do not reach yet."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from threading import RLock

import pyarrow as pa
import pyarrow.compute as pc

from monitor.ingest.bins import AUTO, anew, frozen, replaces
from monitor.profile.basis import basis_of
from monitor.profile.binning import Binning
from monitor.profile.build import profile
from monitor.profile.class_scores import profile_class_scores
from monitor.profile.freeze import make_binning
from monitor.profile.pieces import PIECES, choose, merge
from monitor.profile.segment_sums import profile_segments
from monitor.profile.text_bins import with_texts
from monitor.profile.whole import profile_rows, profile_truths
from monitor.store import CommitUnknown, Store
from monitor.store.profiles import LEFT
from monitor.types import Model, Window

FREEZE_ROWS = 5_000
"""Without a reference, the bins are frozen on this many first rows."""

STEP_ROWS, MOST_PIECES = 10_000, 20_000
"""How many seqs are profiled at a time, and how many pieces (about 2 kB each) may be in memory only: rows spread over
many hours, as in an import, make many pieces."""

MOST_STEPS = 20
"""How many steps of thinning are done at a time."""


class Live:
    """Profiles of one model, up to the newest durable row.

    Rows are read back from the store by seq, in the same way while they come as after a restart; since profiles add
    exactly, it does not matter where the pieces are cut.

    Args:
        store: where rows and pieces are.
        model: the model's name.
        flush_rows: how many seqs may be in memory only.
    """

    def __init__(self, store: Store, model: str, flush_rows: int) -> None:
        self._store = store
        self._name = model
        self._flush_rows = flush_rows
        self._lock = RLock()  # taken before the store's writer lock, never while holding it
        self._flushed, self._basis = store.profiles.mark(model)
        self._reached = self._flushed
        self._pieces = PIECES.empty_table()
        self._restart = False
        self._profiled: dict[str, str] = {}  # by version, the basis that this process profiled its reference on

    def digest(self) -> None:
        """Profile what has become durable since the last time; without a binning there is nothing to do yet."""
        with self._lock:
            model = self._store.catalog.model(self._name)
            binning = self._store.catalog.binning(self._name) or self._freeze(model)
            if binning is None:
                return
            basis = basis_of(model, binning)
            if basis != self._basis and not self._new_era(model, binning, basis):
                self._begin_again(model, binning, basis)
            last = self._store.rows.last_seq(self._name)
            while self._reached < last:
                self._add(model, binning, min(self._reached + STEP_ROWS, last))
                if self._reached - self._flushed >= self._flush_rows or self._pieces.num_rows >= MOST_PIECES:
                    self._write()
            if self._restart:
                self._write()

    def flush(self) -> None:
        """Write the pieces in memory to the store."""
        with self._lock:
            self.digest()
            if self._reached > self._flushed:
                self._write()

    def thin(self, now: datetime) -> int:
        """Write the pieces in memory, then let rows go that the model does not keep; return how many steps were due.

        At most `MOST_STEPS` at a time, so that other models have their turn.
        """
        with self._lock:
            self.flush()
            if self._basis and not self._store.profiles.eras(self._name):
                segments = self._store.catalog.model(self._name).segments
                self._store.profiles.set_eras(self._name, [(0, segments)])
            for _ in range(MOST_STEPS):  # before any may go, the few that samples are made of are copied
                if not self._store.reservoir.step(self._name, self._flushed, now):
                    break
            reached = min(self._flushed, self._store.reservoir.reached(self._name))
            for step in range(MOST_STEPS):
                if not self._store.thinning.step(self._name, reached, now):
                    return step
        return MOST_STEPS

    def pieces(
        self,
        window: Window,
        *,
        columns: Sequence[str] | None,
        version: str | None,
        segment: str | None,
        hours: bool = False,
    ) -> pa.Table:
        """Return the pieces of a window, stored and in memory, as of one moment; see `monitor.store.days`."""
        if self._store.database.in_transaction:
            raise RuntimeError("pieces cannot be read inside a transaction: it may see an older state than memory")
        with ExitStack() as stack:
            with self._lock:
                self.digest()
                memory = self._pieces
                stack.enter_context(self._store.snapshot())
                self._store.profiles.mark(self._name)  # the first read fixes what the snapshot sees
            stored = self._store.profiles.pieces(
                self._name, window, columns=columns, version=version, segment=segment, hours=hours
            )
        return pa.concat_tables([stored, choose(memory, window, columns, version, segment)])

    def register_reference(self, version: str, batch: pa.Table, window: Window) -> None:
        """Keep a version's reference rows, and the bins and the profile that follow from them, all or nothing.

        Were the rows there before their profile, a job could find the reference empty, and a crash leave it so.
        """
        with self._lock:
            with self._store.transaction():
                model, binning = self._store.catalog.model(self._name), self._store.catalog.binning(self._name)
                known = self._store.catalog.versions(self._name)
                other = replaces(self._store, self._name, version, batch)
                self._store.catalog.put_reference(self._name, version, batch, window)
                if binning is None or anew(binning, batch, model.schema, replaces=other):
                    binning = frozen(self._store, model, batch)
                    self._store.catalog.put_binning(self._name, binning)
                    for each in (each for each in known if each.reference_rows and each.version != version):
                        self._profile_reference(model, binning, each.version)
                self._profile_reference(model, binning, version)
                bare = [each.version for each in self._store.catalog.versions(self._name) if not each.reference_rows]
                spoken_for = self._store.rows.first_seq(self._name, [version, *bare])
                if spoken_for is not None:
                    self._store.measurements.look_again(self._name, spoken_for - 1)
            self.flush()

    def _freeze(self, model: Model) -> Binning | None:
        """Make a binning of the first rows if there are enough."""
        if self._store.rows.last_seq(model.name) < FREEZE_ROWS or self._store.rows.count(model.name) < FREEZE_ROWS:
            return None
        parts: list[pa.Table] = []
        for part in self._store.rows.tail(model.name, 0):
            parts.append(part)
            if sum(len(part) for part in parts) >= FREEZE_ROWS:
                break
        first = pa.concat_tables(parts).slice(0, FREEZE_ROWS)
        binning = replace(with_texts(make_binning(first, model.schema), first, model.schema), id=f"{AUTO}1")
        self._store.catalog.put_binning(model.name, binning)
        return binning

    def _begin_again(self, model: Model, binning: Binning, basis: str) -> None:
        """Forget every piece, because bins or segments are other ones now; the rows are profiled again."""
        for version in self._store.catalog.versions(model.name):
            if version.reference_rows and self._profiled.get(version.version) != basis:
                self._profile_reference(model, binning, version.version)
        self._store.measurements.look_again(self._name, 0)
        self._basis, self._restart = basis, True
        self._reached = self._flushed = 0
        self._pieces = PIECES.empty_table()

    def _new_era(self, model: Model, binning: Binning, basis: str) -> bool:
        """Where only the segments are other ones and not all rows are there any more, let them hold from now on.

        Returns:
            Whether this is such a change; then the pieces there are stay.
        """
        eras = self._store.profiles.eras(self._name)
        if (
            not eras
            or not self._store.thinning.counts(self._name).why
            or basis_of(model, binning, eras[-1][1]) != self._basis
        ):
            return False
        if eras[-1][0] == self._reached:
            eras.pop()
        with self._store.transaction():
            self._store.profiles.append(self._name, self._pieces, self._reached, basis=basis)
            self._store.profiles.set_eras(self._name, [*eras, (self._reached, model.segments)])
        self._basis, self._flushed = basis, self._reached
        self._pieces = PIECES.empty_table()
        return True

    def _profile_reference(self, model: Model, binning: Binning, version: str) -> None:
        rows = self._store.catalog.reference(model.name, version)
        known = rows.filter(pc.is_valid(rows["_label"]))
        known = known.append_column("_sign", pa.repeat(pa.scalar(1, pa.int8()), len(known)))
        parts = [
            *profile_rows(rows, model.schema, binning, model.segments),
            *profile_truths(known, model.schema, binning, model.segments),
            profile_segments(known, model.schema, binning),
        ]
        pieces = merge(pa.concat_tables(parts))
        with self._store.transaction():
            self._store.profiles.replace_reference(model.name, version, pieces)
            self._store.database.on_commit(lambda: self._profiled.update({version: basis_of(model, binning)}))

    def _add(self, model: Model, binning: Binning, end: int) -> None:
        parts = [self._pieces]
        recent = self._store.rows.recent(model.name, self._reached, end)
        for rows in self._store.rows.tail(model.name, self._reached, end) if recent is None else [recent]:
            parts += profile_rows(rows, model.schema, binning, model.segments)
        if self._store.rows.thinned(model.name):  # only where profiles began again: rows are thinned behind them
            narrow = self._store.rows.narrow(model.name, self._reached, end)
            left = profile(narrow, model.schema, binning, model.segments)
            parts.append(left.filter(pc.field("column").isin(LEFT)))
            parts.append(profile_class_scores(narrow, model.schema, binning))
        parts += self._outcomes(model, binning, end)
        self._pieces, self._reached = merge(pa.concat_tables(parts)).cast(PIECES), end
        self._store.rows.profiled(model.name, end)

    def _outcomes(self, model: Model, binning: Binning, end: int) -> list[pa.Table]:
        """Profile what labels change, each row by the segments it was profiled by."""
        eras = [] if self._restart else self._store.profiles.eras(self._name)
        eras = eras or [(0, model.segments)]
        segments = list(dict.fromkeys(name for _, names in eras for name in names))
        deltas = self._store.rows.outcome_deltas(model.name, self._reached, end, segments)
        parts = [profile_segments(deltas, model.schema, binning)]
        for (after, names), until in zip(eras, [*(after for after, _ in eras[1:]), end], strict=True):
            theirs = (
                deltas.filter((pc.field("_seq") > after) & (pc.field("_seq") <= until)) if len(eras) > 1 else deltas
            )
            parts += profile_truths(theirs, model.schema, binning, names)
        return parts

    def _write(self) -> None:
        profiles = self._store.profiles
        try:
            with self._store.transaction():
                profiles.append(self._name, self._pieces, self._reached, basis=self._basis, replace=self._restart)
                if self._restart:
                    profiles.set_eras(self._name, [(0, self._store.catalog.model(self._name).segments)])
                    self._store.thinning.unprofiled(self._name)
        except CommitUnknown:
            if self._store.profiles.mark(self._name) != (self._reached, self._basis):
                raise
        self._flushed, self._restart = self._reached, False
        self._pieces = PIECES.empty_table()
