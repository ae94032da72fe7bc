"""The laws that say nothing went missing: of records, documents and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bessemer.reporting.report import Check, check


@dataclass(frozen=True)
class Balance:
    """What went into ``curate`` and what came out, each counted where it happens.

    Attributes:
        ingested, kept, dropped: documents; ingested as the manifest of the documents has it.
        ingested_bytes: UTF-8 bytes of all ingested texts.
        dropped_bytes: of the texts of dropped documents, by reason.
        removed_bytes: taken out of kept texts, by kind of redaction, and by cutting repeated parts and evaluation text.
        added_bytes: masks put into kept texts, by kind.
        written_bytes: of the texts that were written.
        written: rows that were written.
        ledger: rows of the ledger.
    """

    ingested: int
    kept: int
    dropped: int
    written: int
    ledger: int
    ingested_bytes: int
    dropped_bytes: Mapping[str, int]
    removed_bytes: Mapping[str, int]
    added_bytes: Mapping[str, int]
    written_bytes: int


def document_laws(balance: Balance) -> list[Check]:
    """The laws of documents and of UTF-8 bytes, as checks on what is missing (below 0) or too many (above 0).

    ingested = kept + dropped = rows of the ledger, kept = written; and
    ingested bytes = dropped + removed inside kept documents + written - masks added.
    """
    accounted = (
        sum(balance.dropped_bytes.values())
        + sum(balance.removed_bytes.values())
        + balance.written_bytes
        - sum(balance.added_bytes.values())
    )
    return [
        _law("law.documents", balance.kept + balance.dropped - balance.ingested, "ingested = kept + dropped"),
        _law("law.documents_ledger", balance.ledger - balance.ingested, "one row of the ledger per ingested document"),
        _law("law.documents_written", balance.written - balance.kept, "every kept document is written"),
        _law(
            "law.bytes",
            accounted - balance.ingested_bytes,
            "ingested bytes = dropped + removed in kept documents + written - masks added",
        ),
    ]


def record_laws(
    *, read: int, parsed: int, quarantined: int, skipped: int, counted_documents: int, written_documents: int
) -> list[Check]:
    """The laws of records: each became documents, is in quarantine, or was skipped for a stated cause.

    Args:
        read: records, as the readers counted them.
        parsed: of these, records that became one document or, cut into parts, several.
        quarantined: records that the rows of the quarantine stand for.
        skipped: records passed over for a stated cause (revisit records, no HTML).
        counted_documents: documents, as they were made.
        written_documents: rows of the documents directory.
    """
    return [
        _law(
            "law.records",
            parsed + quarantined + skipped - read,
            "records read = became documents + in quarantine + skipped for a stated cause",
        ),
        _law("law.documents_written", written_documents - counted_documents, "every document is written"),
    ]


def check_laws(checks: list[Check]) -> list[Check]:
    """The same checks, if all hold.

    Raises:
        RuntimeError: one does not. That is a bug of the pipeline, not a matter of configuration or data.
    """
    for item in checks:
        if not item.passed:
            raise RuntimeError(f"{item.metric}: {item.reason}; off by {item.value:+g}")
    return checks


def _law(metric: str, difference: int, reason: str) -> Check:
    return check(metric, difference, "==", 0, severity="error", reason=reason)
