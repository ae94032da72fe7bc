"""Training: the same bytes for any threads, nothing dropped in silence, the promised settings."""

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2

from bessemer.config.tokenizer import TokenizerParams
from bessemer.errors import DataError
from bessemer.tokenizer.train import stretches, train_model, without_volatile_settings
from tests.tokenizer.conftest import PARAMS


def test_one_and_three_threads_write_the_same_bytes(model, texts):
    assert train_model(texts, PARAMS, threads=3) == model


def test_no_setting_that_depends_on_the_machine_stays_in_the_model(model):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model)
    set_fields = {field.name for field, _ in proto.trainer_spec.ListFields()}
    assert not set_fields & {"input", "model_prefix", "num_threads"}
    assert without_volatile_settings(model) == model


@given(st.lists(st.text(max_size=400), max_size=4), st.integers(8, 64))
def test_stretches_hold_all_of_the_text_within_the_limit(texts, limit):
    parts = list(stretches(texts, limit))
    assert "".join(parts) == "".join(texts).replace("\0", "")
    assert all(0 < len(part.encode()) <= limit for part in parts)


def test_a_long_line_is_cut_at_a_newline_or_else_a_space():
    assert list(stretches(["aaaa bbbb\ncccc dddd eeee"], 16)) == ["aaaa bbbb\n", "cccc dddd eeee"]
    assert list(stretches(["aaaaaa bbbbbb cccccc"], 16)) == ["aaaaaa bbbbbb", " cccccc"]


def test_a_word_inside_one_huge_line_is_learned(texts):
    """SentencePiece leaves out sentences above its limit without a word; nothing here may be left out."""
    line = "zyzzogeton " * 60_000
    model = train_model([*texts[:200], line], TokenizerParams(vocab_size=2000, character_coverage=0.99))
    assert sentencepiece.SentencePieceProcessor(model_proto=model).piece_to_id("▁zyzzogeton") > 0


def test_each_digit_is_a_piece_and_unknown_characters_are_bytes(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert processor.encode("1234567", out_type=str) == list("1234567")
    assert processor.encode("\U0001f9ed", out_type=str) == ["<0xF0>", "<0x9F>", "<0xA7>", "<0xAD>"]


def test_newlines_and_indentation_are_pieces(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert processor.piece_to_id("\n") > 0
    assert processor.piece_to_id("▁▁▁▁") > 0


def test_too_little_text_is_a_data_error_that_says_what_to_do():
    with pytest.raises(DataError, match=r"lower tokenizer\.vocab_size"):
        train_model(["only these few words"], TokenizerParams(vocab_size=8192))
    with pytest.raises(DataError, match=r"lower tokenizer\.vocab_size"):
        train_model([], TokenizerParams())


def test_more_characters_than_pieces_is_a_data_error_that_says_what_to_do():
    characters = "".join(map(chr, range(0x4E00, 0x6000)))
    with pytest.raises(DataError, match=r"raise tokenizer\.vocab_size or lower tokenizer\.character_coverage"):
        train_model([characters * 3], TokenizerParams(vocab_size=1000))
