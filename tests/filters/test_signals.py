"""Signals: small texts whose numbers can be counted by hand."""

import pytest

from bessemer.filters.signals import SIGNALS, sentences, signal_table, signals_of

STOP_WORDS = ["the", "be", "to", "of", "and", "that", "have", "with"]


def signal(text: str, name: str) -> float:
    columns = signals_of(["decoy of the decoys. # ...\n\n{", text], stop_words=STOP_WORDS, short_line_characters=30)
    return float(signal_table(columns).column(name)[1].as_py())


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("words", "Two words, 3 numbers", 4),
        ("words", "日本語 です", 5),
        ("characters", "déjà vu", 7),
        ("mean_word_length", "a bb ccc", 2.0),
        ("mean_word_length", "!!!", 0.0),
        ("hashes_per_word", "# one #two three four", 0.5),
        ("ellipses_per_word", "well... so… no", 2 / 3),
        ("bullet_line_fraction", "• one\n- two\n-3 degrees\n* four\n\n**bold**\nplain", 3 / 6),
        ("ellipsis_line_fraction", "read on...\nread on…  \nend.\n\n", 2 / 3),
        ("alphabetic_word_fraction", "1998 | total: 12 Äpfel", 2 / 5),
        ("stop_words", "The theme OF the time", 2),
        ("lines", "a\n\n \nb", 2),
        ("duplicate_line_fraction", "same\nother\nsame\n\n same ", 2 / 4),
        ("duplicate_line_characters", "same\nother\nsame", 4 / 13),
        ("duplicate_paragraph_fraction", "p one\n\np two\n\np one", 1 / 3),
        ("duplicate_paragraph_characters", "p one\n\np two\n\np one", 5 / 15),
        ("top_2_gram_characters", "aa bb cc aa bb dd", 8 / 12),
        ("sentences", "One. Two! Three? v1.2 is no end", 3),
        ("lorem_ipsum", "Lorem Ipsum dolor; lorem ipsum", 2),
        ("curly_brackets", "if (x) { y } else { z }", 2),
        ("javascript_line_fraction", "Enable JavaScript\nplease", 0.5),
        ("terminal_line_fraction", "Said “so.”\nNavigation\nIt is.\n何か。", 3 / 4),
        ("short_line_fraction", "short\n" + "x" * 29 + "\n" + "x" * 30, 2 / 3),
        ("newlines_per_word", "a\nb\nc d", 2 / 4),
        ("newlines_per_word", "\n\n", 2.0),
    ],
)
def test_counted_by_hand(name: str, text: str, expected: float) -> None:
    assert signal(text, name) == pytest.approx(expected, rel=1e-6)


def test_every_signal_of_an_empty_text_is_zero() -> None:
    columns = signals_of(["", "   \n"], stop_words=STOP_WORDS, short_line_characters=30)
    rows = signal_table(columns).to_pylist()
    assert set(rows[0].values()) == {0}
    assert {name for name, value in rows[1].items() if value} == {"characters", "newlines_per_word"}


def test_no_documents_give_empty_columns_of_the_stored_types() -> None:
    table = signal_table(signals_of([], stop_words=STOP_WORDS, short_line_characters=30))
    assert table.num_rows == 0
    assert {name: table.schema.field(name).type for name in table.column_names} == {
        name: signal.type for name, signal in SIGNALS.items()
    }


def test_a_document_is_measured_the_same_in_any_batch() -> None:
    texts = ["the cat sat. the cat sat. " * n + "…" * (n % 3) for n in range(1, 8)]
    together = signal_table(signals_of(texts, stop_words=STOP_WORDS, short_line_characters=30)).to_pylist()
    alone = [
        signal_table(signals_of([text], stop_words=STOP_WORDS, short_line_characters=30)).to_pylist()[0]
        for text in texts
    ]
    assert together == alone


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("No end", 0), ('He said "no."', 1), ("What?!", 1), ("你好。世界！", 2), ("e.g. this", 1), ("क्या।", 1)],
)
def test_sentence_ends(text: str, expected: int) -> None:
    assert sentences(text) == expected
