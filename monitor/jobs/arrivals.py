"""Rows come when they come: from where on a model's windows are walked, and which of them got rows since last seen."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from monitor.clock import EPOCH
from monitor.jobs.windows import window_of
from monitor.store import Store
from monitor.types import Model, Window

LONGEST_GAP: Final = timedelta(days=31)
"""A new model's history before a longer silence than this is measured where there are rows, and not judged."""


class Arrivals:
    """Looks at when rows were predicted, in the order they came.

    Args:
        store: where rows are, and up to which of them was looked.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._first: dict[str, datetime] = {}
        self._seen: dict[str, int | None] = {}

    def first(self, model: Model) -> datetime | None:
        """Return from where on every window is walked, with rows or without; None before there are rows.

        That is the earliest window, or the one after the last gap of over a month: a single row with a clock at 1970
        must not cost decades of empty windows.
        """
        if model.name not in self._first:
            hours = self._hours(model, 0, self._store.rows.last_seq(model.name))
            if not hours:
                return None
            gaps = [later for earlier, later in pairwise(hours) if later - earlier > LONGEST_GAP]
            self._first[model.name] = gaps[-1] if gaps else hours[0]
        return window_of(model, self._first[model.name]).start

    def fresh(self, model: Model, *, unseen: int) -> tuple[list[Window], int]:
        """Return the windows, in order, that rows have come for since `saw`, and the seq that is looked up to.

        So are windows whose rows are compared with something else since: the first reference, or another.

        Args:
            model: whose.
            unseen: the seq to begin at before anything was seen.
        """
        seen, last = self._store.measurements.seen(model.name), self._store.rows.last_seq(model.name)
        self._seen[model.name] = seen
        hours = self._hours(model, unseen if seen is None else seen, last)
        return list(dict.fromkeys(window_of(model, hour) for hour in hours)), last

    def saw(self, model: Model, up_to_seq: int) -> None:
        """Remember, for good, that the windows of `fresh` were dealt with."""
        before = self._seen.get(model.name)
        if before != up_to_seq:
            self._store.measurements.set_seen(model.name, up_to_seq, was=before)

    def _hours(self, model: Model, after_seq: int, up_to_seq: int) -> list[datetime]:
        if after_seq >= up_to_seq:
            return []
        return [hour for hour in self._store.rows.hours(model.name, after_seq, up_to_seq) if hour >= EPOCH]
