"""Signals: equal to their definitions in plain Python on texts that nobody would write; small ones counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.filters.signals import SIGNALS, signal_table, signals_of
from bessemer.text.buffers import TextBuffer
from tests.filters.signals_oracle import slow_signals
from tests.text import hostile

STOP_WORDS = ["the", "be", "to", "of", "and", "that", "have", "with"]
PIECES = [
    *"aB9zé ß.!?…\"”')#{}-–•*_\n\t。！।﹖Ⅷ①Ⓐǅ²\u00a0\u0301\u0345\u0149漢한",
    "...",
    "\n\n",
    "\n \n",
    " - ",
    "the",
    "THE ",
    "of ",
]
PIECES += ["lorem ipsum", "LOREM IPSUM", "lorem", "JavaScript", "javascript", "a line.\n", "Said “so.”\n", "aa bb cc "]

pieces = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
few_words = st.lists(st.sampled_from(["a ", "bb ", "Ccc\n", "dé "]), max_size=60).map("".join)


def measured(texts: list[str]) -> list[dict[str, float]]:
    columns = signals_of(TextBuffer.of_texts(texts), stop_words=STOP_WORDS, short_line_characters=5)
    return [{name: float(values[row]) for name, values in columns.items()} for row in range(len(texts))]


@given(st.lists(pieces | few_words | hostile.texts, max_size=4))
def test_signals_equal_their_definitions_in_plain_python(texts: list[str]) -> None:
    for text, signals in zip(texts, measured(texts), strict=True):
        assert signals == pytest.approx(slow_signals(text, STOP_WORDS, 5), abs=1e-12, rel=1e-12), text


@given(st.lists(hostile.hostile_bytes, max_size=4))
def test_bytes_that_are_no_utf_8_count_as_replacement_characters(documents: list[bytes]) -> None:
    columns = signals_of(hostile.buffer_of(documents), stop_words=STOP_WORDS, short_line_characters=5)
    for row, document in enumerate(documents):
        expected = slow_signals(hostile.read(document), STOP_WORDS, 5)
        assert {name: values[row] for name, values in columns.items()} == pytest.approx(expected, abs=1e-12)


def test_long_lines_and_long_documents_are_counted_whole() -> None:
    text = "Word ONE, 22 #tags. " * 500 + "\n" + "é" * 3000 + " …\n" + "{ }\n" * 300
    assert measured([text, text]) == [pytest.approx(slow_signals(text, STOP_WORDS, 5), rel=1e-12)] * 2


def signal(text: str, name: str) -> float:
    buffer = TextBuffer.of_texts(["decoy of the decoys. # ...\n\n{", text])
    columns = signals_of(buffer, stop_words=STOP_WORDS, short_line_characters=30)
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
        ("bullet_line_fraction", "• one\n- two\n-3 degrees\n* four\n\n**bold**\nplain", 3 / 7),
        ("ellipsis_line_fraction", "read on...\nread on…  \nend.\n\n", 2 / 4),
        ("alphabetic_word_fraction", "1998 | total: 12 Äpfel", 2 / 4),
        ("stop_words", "The theme OF the time", 2),
        ("lines", "a\n\n \nb", 2),
        ("duplicate_line_fraction", "same\nother\nsame\n\n same", 1 / 4),
        ("duplicate_line_characters", "same\nother\nsame", 4 / 13),
        ("duplicate_paragraph_fraction", "p one\n\np two\n\np one", 1 / 3),
        ("duplicate_paragraph_characters", "p one\n\np two\n\np one", 5 / 19),
        ("top_2_gram_characters", "aa bb cc aa bb dd", 10 / 17),
        ("duplicate_5_gram_characters", "a b c d e f a b c d e f", 5 / 23),
        ("sentences", "One. Two! Three? v1.2 is no end", 3),
        ("sentences", 'He said "no."', 1),
        ("sentences", "What?! e.g. this", 2),
        ("sentences", "你好。世界！", 2),
        ("lorem_ipsum", "Lorem Ipsum dolor; lorem ipsum", 2),
        ("curly_brackets", "if (x) { y } else { z }", 2),
        ("javascript_line_fraction", "Enable JavaScript\nplease", 0.5),
        ("terminal_line_fraction", "Said “so.”\nNavigation\nIt is.\n何か。", 2 / 4),
        ("quoted_terminal_line_fraction", "Said “so.”\nNavigation\nIt is. \n何か。", 2 / 4),
        ("short_line_fraction", "short\n" + "x" * 29 + "\n" + "x" * 30, 2 / 3),
        ("newlines_per_word", "a\nb\nc d", 2 / 4),
        ("newlines_per_word", "\n\n", 2.0),
        ("rps_doc_num_sentences", "One. Two! 3.14", 4),
        ("rps_doc_frac_all_caps_words", "NASA sent A1 up.", 2 / 5),
        ("rps_doc_frac_no_alph_words", "In 1998, twelve", 2 / 4),
        ("rps_doc_unigram_entropy", "a b a b", 0.693147),
        ("rps_doc_frac_chars_dupe_5grams", "a b c d e f a b c d e f", 1.0),
    ],
)
def test_counted_by_hand(name: str, text: str, expected: float) -> None:
    assert signal(text, name) == pytest.approx(expected, rel=1e-6)


def test_every_signal_of_an_empty_text_is_zero() -> None:
    texts = TextBuffer.of_texts(["", "   \n"])
    rows = signal_table(signals_of(texts, stop_words=STOP_WORDS, short_line_characters=30)).to_pylist()
    assert set(rows[0].values()) == {0}
    assert {name for name, value in rows[1].items() if value} == {"characters", "newlines_per_word"}


def test_no_documents_give_empty_columns_of_the_stored_types() -> None:
    table = signal_table(signals_of(TextBuffer.of_texts([]), stop_words=STOP_WORDS, short_line_characters=30))
    assert table.num_rows == 0
    assert {name: table.schema.field(name).type for name in table.column_names} == {
        name: signal.type for name, signal in SIGNALS.items()
    }


def test_a_document_is_measured_the_same_in_any_batch() -> None:
    texts = ["the cat sat. the cat sat. " * n + "…" * (n % 3) for n in range(1, 8)]
    assert measured(texts) == [measured([text])[0] for text in texts]
