"""Which rows are kept: a policy for the rows after a seq, and the fate that a row's id gives it.

The fate is `monitor.schema.fate.place`, which is the same in SQL.
"""

from dataclasses import dataclass

from monitor.schema.fate import BITS
from monitor.store.database import Database
from monitor.types import Settings

PLACE = f"('0x' || left(md5('watchglass:' || _id), {BITS // 4}))::BIGINT"


@dataclass(frozen=True, slots=True)
class Policy:
    """What held for the rows in (after_seq, up_to_seq]; ``up_to_seq`` None is the policy of today."""

    after_seq: int
    up_to_seq: int | None
    rate: float


def kept(rate: float) -> str:
    """Return SQL that says whether a row's ``_id`` is kept at a rate.

    >>> kept(1.0), kept(0.0)
    ('true', 'false')
    """
    if rate in (0, 1):
        return "true" if rate else "false"
    return f"{PLACE} < {round(rate * 2**BITS)}"


def record(database: Database, model: str, last_seq: int, settings: Settings) -> None:
    """Let a model's settings hold for the rows after a seq, within the running transaction."""
    now = [settings.sampling.rate, settings.sampling.newest, settings.keep_rows_days]
    held = database.rows(
        "SELECT rate, newest, keep_rows_days FROM sampling WHERE model = ? ORDER BY after_seq DESC LIMIT 1", [model]
    )
    if list((held[0] if held else {"rate": 1.0, "newest": None, "keep_rows_days": None}).values()) == now:
        return
    database.query("DELETE FROM sampling WHERE model = ? AND after_seq = ?", [model, last_seq])
    database.query("INSERT INTO sampling VALUES (?, ?, ?, ?, ?)", [model, last_seq, *now])


def policies(database: Database, model: str) -> list[Policy]:
    """Return every policy a model has had, oldest first; before the first one all rows are kept."""
    rows = database.rows("SELECT after_seq, rate FROM sampling WHERE model = ? ORDER BY after_seq", [model])
    ends: list[int | None] = [row["after_seq"] for row in rows[1:]]
    return [Policy(row["after_seq"], end, row["rate"]) for row, end in zip(rows, [*ends, None], strict=False)]
