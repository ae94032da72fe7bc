"""Precision and recall of personal data over written sentences; ``docs/personal-data.md`` has the same tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bessemer.filters.pii.finding import find_pii
from bessemer.filters.pii.kinds import Pii
from tests.filters.personal_data import IN_ONE_PIECE, KEYS, NEGATIVES, OTHERS, PHONES, unmarked

DOCS = Path(__file__).parents[2] / "docs" / "personal-data.md"
COUNTRIES = {
    "US": "United States",
    "GB": "United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "ES": "Spain",
    "IT": "Italy",
    "NL": "Netherlands",
    "IN": "India",
    "JP": "Japan",
    "BR": "Brazil",
    "AU": "Australia",
    "CN": "China",
}
EVERYWHERE = list(PHONES)
LEAST_RECALL = 0.95


@dataclass(frozen=True)
class Score:
    """Findings that were wanted, all that were wanted, all findings."""

    right: int = 0
    wanted: int = 0
    found: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.right + other.right, self.wanted + other.wanted, self.found + other.found)

    @property
    def recall(self) -> float:
        return self.right / self.wanted

    @property
    def precision(self) -> float:
        return self.right / max(1, self.found)


def score(sentences: Iterable[str], regions: list[str], kind: Pii | None = None) -> Score:
    """A finding counts as right if it is exactly what is marked; findings of any kind count as found."""
    total = Score()
    for sentence in sentences:
        text, wanted = unmarked(sentence)
        spans = find_pii(text, regions)
        rest = list(wanted)
        right = 0
        for span in spans:
            written = text[span.start : span.end]
            if written in rest and kind in (None, span.kind):
                rest.remove(written)
                right += 1
        total += Score(right, len(wanted), len(spans))
    return total


def phone_sentences(country: str) -> list[str]:
    return [*PHONES[country], IN_ONE_PIECE[country]]


@pytest.mark.parametrize("country", list(PHONES))
def test_telephone_numbers_of_a_country_are_found_as_they_are_written(country: str) -> None:
    for regions in ([country], EVERYWHERE):
        found = score(phone_sentences(country), regions, Pii.PHONE)
        assert found.recall >= LEAST_RECALL
        assert found.precision == 1


@pytest.mark.parametrize("kind", [kind for kind in Pii if kind is not Pii.PHONE])
def test_other_kinds_are_found_as_they_are_written(kind: Pii) -> None:
    found = score(KEYS if kind is Pii.KEY else OTHERS[kind.value], EVERYWHERE, kind)
    assert found.recall >= LEAST_RECALL
    assert found.precision == 1


@pytest.mark.parametrize("name", list(NEGATIVES))
def test_nothing_is_found_in(name: str) -> None:
    for text in NEGATIVES[name]:
        found = [text[span.start : span.end] for span in find_pii(text, EVERYWHERE)]
        assert found == [], text


def phone_table() -> str:
    rows = [
        "| country | numbers | recall, its own plan | recall, all twelve plans | precision |",
        "|---|---|---|---|---|",
    ]
    for country, name in COUNTRIES.items():
        own, all_ = (score(phone_sentences(country), regions, Pii.PHONE) for regions in ([country], EVERYWHERE))
        precision = min(own.precision, all_.precision)
        rows.append(f"| {name} | {own.wanted} | {own.recall:.3f} | {all_.recall:.3f} | {precision:.3f} |")
    return "\n".join(rows)


def kind_table() -> str:
    rows = ["| kind | examples | recall | precision |", "|---|---|---|---|"]
    sentences = {"key": KEYS, **OTHERS, "phone": [text for country in PHONES for text in phone_sentences(country)]}
    for kind, texts in sentences.items():
        found = score(texts, EVERYWHERE, Pii(kind))
        rows.append(f"| {kind} | {found.wanted} | {found.recall:.3f} | {found.precision:.3f} |")
    return "\n".join(rows)


def negative_table() -> str:
    rows = ["| what only looks like it | lines of text | findings |", "|---|---|---|"]
    for name, texts in NEGATIVES.items():
        found = sum(len(find_pii(text, EVERYWHERE)) for text in texts)
        rows.append(f"| {name} | {sum(len(text.splitlines()) for text in texts)} | {found} |")
    return "\n".join(rows)


@pytest.mark.parametrize("table", [phone_table, kind_table, negative_table])
def test_the_page_has_these_figures(table) -> None:  # type: ignore[no-untyped-def]
    assert table() in DOCS.read_text("utf-8"), f"docs/personal-data.md should have:\n{table()}"
