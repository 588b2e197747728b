"""What is found out about one submission on the way to its receipt."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from monitor.ingest.exchanges import Joined
from monitor.ingest.receipts import DUPLICATE, Collected, Receipt, RowError, Submission
from monitor.ingest.rows import inference_as_sent
from monitor.schema import Conformed, Rejected, Sent, arrow_schema, conform
from monitor.schema.notes import text
from monitor.store import RECEIVED, DeadLetter
from monitor.types import LedgerLine, ModelSchema

_TOLD = 1_000
"""How many rejected rows one receipt tells of."""

_NOTHING = Sent("note", b"")


@dataclass(slots=True)
class Tally:
    """One submission, and its counts, lines of the ledger and dead letters as they are found.

    ``submission`` gains the rows of its halves once these have met; ``refused`` are rows that could not be taken.
    """

    submission: Submission
    now: datetime
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    dropped: int = 0
    errors: list[RowError] = field(default_factory=list)
    lines: list[LedgerLine] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    joined: Joined | None = None
    refused: list[Rejected] = field(default_factory=list)

    def join(self, joined: Joined, schema: ModelSchema) -> None:
        """Take what became of the submission's halves: rows like any others, and refusals.

        Where there is nothing else, its rows are conformed later, with those of other submissions.
        """
        submission, source = self.submission, self.submission.source
        self.joined = joined
        self.lines += joined.lines
        self.count(source, RECEIVED, rows=joined.repeated)
        self.count(source, "duplicate", DUPLICATE, joined.repeated)
        if not joined.inferences and not joined.refused:
            return
        if not submission.inferences and not joined.refused:
            received = submission.received + len(joined.inferences)
            self.submission = replace(submission, rows=joined.inferences, conformed=None, received=received)
            return
        made = conform(joined.inferences, schema, source=source, now=self.now)
        refused = [replace(each, sent=inference_as_sent(joined.inferences[each.row])) for each in made.rejected]
        refused += joined.refused
        given = submission.conformed or Conformed(arrow_schema(schema).empty_table())
        # Numbered after what was sent: the rows of a pair were asked in one body and answered in another.
        first = submission.inferences + made.batch.num_rows
        refused = [replace(each, row=first + place) for place, each in enumerate(refused)]
        batch = pa.concat_tables([given.batch, made.batch], promote_options="default")
        self.submission = replace(
            submission,
            conformed=Conformed(batch, given.rejected + refused),
            received=submission.received + made.batch.num_rows + len(refused),
        )

    def count(self, source: str, outcome: str, reason: str = "", rows: int = 1) -> None:
        """Count rows of one outcome, for the ledger and for the receipt."""
        if not rows:
            return
        self.lines.append(
            LedgerLine(model=self.submission.model, source=source, outcome=outcome, reason=reason, rows=rows)
        )
        self.stored += rows * (outcome == "stored")
        self.duplicate += rows * (outcome == "duplicate")
        self.rejected += rows * (outcome == "rejected")

    def refuse(self, source: str, error: RowError, sent: Sent | None) -> None:
        """Count a row that is refused, tell of it, and keep it as a dead letter."""
        sent = sent or _NOTHING
        # What a sender wrote may be quoted in it: lone surrogates cannot be stored, or told.
        error = replace(error, id=None if error.id is None else text(error.id), detail=text(error.detail))
        self.count(source, "rejected", error.reason)
        self.errors.append(error)
        self.letters.append(
            DeadLetter(
                model=self.submission.model,
                source=source,
                id=error.id,
                reason=error.reason,
                detail=error.detail,
                received=self.now,
                form=sent.form,
                body=sent.body,
                headers=sent.headers,
            )
        )

    def receipt(self) -> Receipt:
        """Return what to answer."""
        told = Receipt(
            received=self.submission.received + self.dropped,
            stored=self.stored,
            duplicate=self.duplicate,
            rejected=self.rejected,
            dropped=self.dropped,
            errors=sorted(self.errors, key=lambda error: error.row)[:_TOLD],
        )
        return told if self.joined is None else self._collected(told, self.joined)

    def _collected(self, told: Receipt, joined: Joined) -> Collected:
        given, refused = self.submission.conformed, {line.row for line in self.refused}
        versions = {row.version for place, row in enumerate(self.submission.rows) if place not in refused}
        if given is not None and given.batch.num_rows:
            versions |= set(pc.unique(given.batch["_version"]).to_pylist())
        return Collected(
            received=told.received + joined.repeated,
            stored=told.stored,
            duplicate=told.duplicate,
            rejected=told.rejected,
            dropped=told.dropped,
            errors=told.errors,
            waiting=joined.waiting,
            paired=joined.paired,
            probes=joined.probes,
            failed=joined.failed,
            versions=sorted(versions),
        )
