"""Two runs side by side: what differs, whether it is more than noise, and nothing that a crawl could do to the page."""

import numpy as np
import pytest

from bessemer.config.energy import EnergyRuntime
from bessemer.evaluation.bits_per_byte import Score
from bessemer.evaluation.report import Scored, report_evaluation
from bessemer.evaluation.tasks import ClozeResult
from bessemer.evaluation.texts import Document
from bessemer.reporting.compare import compare_page, lead, overlaid
from bessemer.reporting.comparison import changed_inputs, changed_metrics, changed_parameters, funnels, lost, scores
from bessemer.reporting.report import Count, Drop, Series, StageReport, Table
from bessemer.reporting.side import Side
from bessemer.reporting.untrusted import neutralise
from bessemer.reporting.verdict import difference_interval, judge, paired_interval
from tests.reporting.examples import HOSTILE, curate_report, hostile_report
from tests.reporting.test_html import ALLOWED, Page

POWER = EnergyRuntime()
TEXTS = [Document(str(number), "iron " * (20 + number)) for number in range(30)]


def evaluation(bits: list[float], texts: list[Document] = TEXTS) -> StageReport:
    """A report as the stage writes it, of a model that needs so many bits for each byte of a document."""
    nats = [each * text.bytes * float(np.log(2)) for each, text in zip(bits, texts, strict=True)]
    scored = [Score(value, text.bytes, 10) for value, text in zip(nats, texts, strict=True)]
    cloze = ClozeResult([], [], [], 0.0)
    return report_evaluation(
        [Scored("reference_english", texts, scored)], cloze, [], context_tokens=8, stride=4, seed=0
    )


def training(loss: list[float], step: float) -> StageReport:
    rows: list[list[float | None]] = [[step * place, value] for place, value in enumerate(loss)]
    series = Series(name="loss", title="Training loss", x="tokens", y=["loss"], rows=rows)
    return StageReport(stage="pretrain", title="Pretraining", summary="", metrics={"steps": len(loss)}, series=[series])


def side(name: str, *reports: StageReport, **parts: object) -> Side:
    found = {report.stage: report for report in reports}
    metrics = {stage: report.metrics for stage, report in found.items()}
    return Side(name, reports=found, metrics=metrics, **parts)  # type: ignore[arg-type]


@pytest.fixture
def hard() -> list[float]:
    """Some documents are far harder than others, for every model."""
    return [float(value) for value in np.random.default_rng(0).uniform(1, 3, len(TEXTS))]


def test_a_small_gain_on_every_document_is_beyond_the_noise_that_hides_it_in_the_sums(hard: list[float]) -> None:
    a, b = side("a", evaluation(hard)), side("b", evaluation([bits - 0.05 for bits in hard]))
    (score,) = scores(a, b)
    assert (score.verdict.tone, score.verdict.text) == ("good", "B is better, beyond the noise")
    assert score.verdict.low < -0.05 + 1e-3 < score.verdict.high + 2e-3
    ends = [tuple(float(end) for end in text.split(" to ")) for text in (score.of_a, score.of_b)]
    unpaired = difference_interval(float(score.a), ends[0], float(score.b), ends[1])  # type: ignore[arg-type]
    assert unpaired[0] < 0 < unpaired[1]
    assert "on reference english B is better" in lead(a, b)


def test_a_set_of_which_only_the_first_documents_are_listed_is_judged_by_the_intervals_of_all_its_documents() -> None:
    """The first are a little worse, and the rest so much better that all are better in sum."""
    texts, half = [Document(str(number), "iron " * 20) for number in range(800)], [2.0] * 400
    a = side("a", evaluation(half + half, texts))
    b = side("b", evaluation([2.01] * 400 + [1.0] * 400, texts))
    (score,) = scores(a, b)
    assert score.verdict.text == "B is better, beyond the noise"
    assert score.verdict.low < -0.495 < score.verdict.high < 0


@pytest.mark.parametrize("cell", [None, float("nan")])
def test_a_score_that_is_no_number_is_not_judged(hard: list[float], cell: float | None) -> None:
    report = evaluation(hard)
    tables = [
        table.model_copy(
            update={
                "rows": [
                    [cell if "bits" in name else value for name, value in zip(table.columns, row, strict=True)]
                    for row in table.rows
                ]
            }
        )
        for table in report.tables
    ]
    a, b = side("a", report.model_copy(update={"tables": tables})), side("b", report)
    (score,) = scores(a, b)
    assert (score.verdict.tone, score.verdict.text, score.a) == ("idle", "not a number", "–")
    assert "the scores cannot be compared" in lead(a, b)
    assert "not a number" in compare_page(a, b, POWER)
    assert judge(float("nan"), 1.99, None, lower_is_better=True).text == "not a number"


def test_gains_and_losses_that_even_out_are_noise(hard: list[float]) -> None:
    other = [bits + (0.2 if place % 2 else -0.2) for place, bits in enumerate(hard)]
    (score,) = scores(side("a", evaluation(hard)), side("b", evaluation(other)))
    assert score.verdict.text == "within the noise"
    assert "no score differs by more than noise explains" in lead(
        side("a", evaluation(hard)), side("b", evaluation(other))
    )


def test_scores_on_other_texts_are_not_compared(hard: list[float]) -> None:
    longer = [Document(text.id, text.text + "!") for text in TEXTS]
    a, b = side("a", evaluation(hard)), side("b", evaluation([1.0] * len(hard), longer))
    (score,) = scores(a, b)
    assert score.verdict.text == "other texts, so not comparable"
    assert "the scores cannot be compared." in lead(a, b)


def test_accuracies_are_judged_by_their_number_of_questions() -> None:
    for share, verdict in ((0.06, "within the noise"), (0.15, "B is better, beyond the noise")):
        sides = [
            Side(name, metrics={"evaluate": {"cloze_accuracy": value, "cloze_items": 200}})
            for name, value in (("a", 0.05), ("b", share))
        ]
        assert [score.verdict.text for score in scores(*sides)] == [verdict]


def test_the_interval_of_a_difference_of_shares_is_newcombes() -> None:
    """56 of 70 and 48 of 80: the worked example of Newcombe 1998, method 10."""
    of_one, of_two = (0.6918, 0.8780), (0.4904, 0.7013)
    low, high = difference_interval(48 / 80, of_two, 56 / 70, of_one)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=2e-3)


def test_a_paired_interval_holds_the_difference_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(5), 0
    for _ in range(100):
        sizes = rng.integers(50, 500, 60).astype(float)
        bits = sizes * rng.uniform(1, 3, 60)
        low, high = paired_interval(list(bits), list(bits - sizes * rng.normal(0.1, 0.2, 60)), list(sizes))
        held += low <= -0.1 <= high
    assert 85 <= held <= 100


def test_equal_scores_are_the_same_and_no_verdict_is_given_without_an_interval() -> None:
    assert judge(1.5, 1.5, (-0.1, 0.1), lower_is_better=True).text == "the same"
    assert judge(1.5, 1.4, None, lower_is_better=True).tone == "idle"


def test_what_went_in_and_differs_is_listed_and_nothing_else() -> None:
    a = Side("a", parameters={"x.y": 1, "same": 2}, code={"f.py": "0" * 32}, packages={"torch": "2.11"})
    b = Side("b", parameters={"x.y": None, "same": 2, "new": [1]}, code={"f.py": "1" * 32}, packages={"torch": "2.11"})
    assert [(line.label, line.a, line.b) for line in changed_parameters(a, b)] == [
        ("new", "–", "[1]"),
        ("x.y", "1", "null"),
    ]
    assert [(line.group, line.label) for line in changed_inputs(a, b)] == [("code", "f.py")]
    unknown = Side("an older run")
    assert changed_parameters(a, unknown) == changed_inputs(unknown, b) == []


def test_the_funnel_the_losses_and_the_numbers_stand_side_by_side() -> None:
    def curated(documents: int, short: int) -> StageReport:
        counts = [Count(label="ingested", documents=100, bytes=1000), Count(label="kept", documents=documents, bytes=9)]
        drops = [Drop(reason="too_short", documents=short, bytes=1), Drop(reason="quality", documents=5, bytes=1)]
        metrics: dict[str, int | float | str] = {"documents_kept": documents}
        return StageReport(stage="curate", title="", summary="", counts=counts, drops=drops, metrics=metrics)

    a, b = side("a", curated(90, 5)), side("b", curated(80, 15))
    kept = next(line for line in funnels(a, b) if (line.group, line.label) == ("Kept", "documents"))
    assert (kept.a, kept.b, kept.change) == ("90", "80", "−11.1\u00a0%")
    assert [(line.label, line.a, line.b) for line in lost(a, b)] == [("Too short", "5", "15"), ("Quality", "5", "5")]
    assert [(line.group, line.label, line.a, line.b) for line in changed_metrics(a, b)] == [
        ("curate", "Documents kept", "90", "80")
    ]


def test_curves_of_different_lengths_are_drawn_into_one_chart() -> None:
    a, b = side("a", training([9.0, 5.0, 4.0], 1000)), side("b", training([9.0, 6.0, 5.0, 4.5, 4.25], 700))
    (chart,) = overlaid(a, b)
    assert chart.legend == ("A_loss", "B_loss")
    assert chart.caption == "A loss from 9 to 4; B loss from 9 to 4.25."


def test_a_hostile_crawl_adds_nothing_to_the_page() -> None:
    everything = " ".join(HOSTILE.values())
    other = hostile_report().model_copy(update={"drops": [Drop(reason=everything, documents=1, bytes=1)]})
    evil = Table(name="sources", title="", columns=["source", "kept"], rows=[[text, 1] for text in HOSTILE.values()])
    report = hostile_report().model_copy(update={"tables": [evil]})
    parts = {"parameters": {everything: everything}, "code": {everything: everything}, "about": (everything,)}
    a, b = side(everything, report, **parts), side("b", other, parameters={"x": 1}, outcomes={everything: everything})
    page = compare_page(a, b, POWER)
    read = Page(page)
    assert {tag for tag, _ in read.elements} <= ALLOWED
    assert read.open == []
    for _, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "action"}]
        assert (attributes.get("href") or "#").startswith("#")
    assert neutralise(page) == page
    assert len(page.encode()) < 1_000_000


def test_the_page_says_it_all_in_one_small_file(hard: list[float]) -> None:
    record = {"wall_s": 90.0, "cpu_s": 120.0, "peak_memory_bytes": 5_000_000}
    facts = {"outcomes": {"pretrain": "ran", "curate": "cached"}, "records": {"pretrain": record}, "wall_s": 100.0}
    a = side("one", curate_report(), training([9, 4], 10), evaluation(hard), parameters={"x": 1}, **facts)
    b = side("two", curate_report(), training([9, 3], 10), evaluation(hard), parameters={"x": 2}, **facts)
    page = compare_page(a, b, POWER)
    text = " ".join(" ".join(Page(page).texts).split()).replace("\u00a0", " ")
    for said in ("1 parameter differs; the scores are the same", "1 min 30 s", "up to date", "CPU hours 0.03 h"):
        assert said in text
    assert len(page.encode()) < 200_000
    assert compare_page(a, b, POWER) == page
