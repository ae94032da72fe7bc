"""The fast tokenizer against SentencePiece itself, on every script, on what looks special, and on random strings."""

import random
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from bessemer.errors import DataError
from bessemer.tokenizer.convert import fast_tokenizer, parse_model

LITERALS = [
    "",
    " ",
    "  ",
    "\n",
    " \n\n \t\t ",
    "<s>",
    "</s> and <s>, <unk><pad>",
    "a<s>b</s>c",
    "<0x0A><0x41>",
    "▁",
    "▁▁ ▁ a▁b",
    "a ▁ b",
    " leading and trailing ",
    "1234567890 3.14159 1,000,000",
    "e\u0301 é \u1100\u1161\u11a8 각",
    "👩‍👩‍👧‍👦 🇩🇪 🔎\ufe0e",
    "\x00\x01\x7f\x80\u200b\ufeff\u2028",
    "\U0010ffff\ue000",
    "x" * 5000,
    " " * 3000,
    "ab" * 2000,
    "語" * 2000,
]


@pytest.fixture(scope="module")
def reference(model):
    return sentencepiece.SentencePieceProcessor(model_proto=model)


@pytest.fixture(scope="module")
def fast(model):
    tokenizer = fast_tokenizer(model)
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def auto(folder):
    return AutoTokenizer.from_pretrained(folder)


def ids_of(fast: Tokenizer, text: str) -> list[int]:
    return fast.encode(text, add_special_tokens=False).ids


def test_every_document_of_every_script_gets_the_same_ids(reference, fast, texts):
    assert [encoding.ids for encoding in fast.encode_batch(texts, add_special_tokens=False)] == reference.encode(texts)


@pytest.mark.parametrize("text", LITERALS, ids=range(len(LITERALS)))
def test_what_looks_special_is_text_and_gets_the_same_ids(reference, fast, auto, text):
    expected = reference.encode(text)
    assert ids_of(fast, text) == expected
    assert auto(text)["input_ids"] == expected
    assert auto(text, add_special_tokens=False)["input_ids"] == expected


@given(st.text(max_size=60))
def test_any_string_gets_the_same_ids(reference, fast, text):
    assert ids_of(fast, text) == reference.encode(text)


@given(st.text(alphabet="ab \n▁.<s>/é中日한0", max_size=60))
def test_strings_of_few_characters_get_the_same_ids(reference, fast, text):
    assert ids_of(fast, text) == reference.encode(text)


@settings(max_examples=200)
@given(st.data())
def test_strings_of_pieces_get_the_same_ids(reference, fast, data):
    numbers = st.integers(4, reference.get_piece_size() - 1)
    pieces = data.draw(st.lists(numbers.map(reference.id_to_piece), max_size=12))
    text = "".join(pieces).replace("▁", " ")
    assert ids_of(fast, text) == reference.encode(text)


def test_transformers_loads_it_and_encodes_the_same(auto, reference, texts):
    generator = random.Random(0)
    cuts = [text[start : start + 300] for text in texts for start in [generator.randrange(len(text))]]
    assert auto(cuts)["input_ids"] == reference.encode(cuts)
    assert auto.is_fast
    assert (auto.unk_token_id, auto.bos_token_id, auto.eos_token_id, auto.pad_token_id) == (0, 1, 2, 3)
    assert auto.model_max_length == 512
    assert len(auto) == reference.get_piece_size()


def test_transformers_decodes_to_the_same_text(auto, texts):
    for text in texts:
        ids = auto(text)["input_ids"]
        assert auto.decode(ids) == text
        assert auto.decode([*ids, auto.eos_token_id], skip_special_tokens=True) == text


def test_saving_and_loading_again_changes_no_id(auto, reference, texts, tmp_path):
    auto.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    probe = [*texts[:50], *LITERALS]
    assert again(probe)["input_ids"] == reference.encode(probe)


def _changed(model: bytes, change) -> bytes:
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model)
    change(proto)
    return proto.SerializeToString()


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("not BPE", lambda proto: setattr(proto.trainer_spec, "model_type", 1)),
        ("no byte fallback", lambda proto: setattr(proto.trainer_spec, "byte_fallback", False)),
        ("adds a space", lambda proto: setattr(proto.normalizer_spec, "add_dummy_prefix", True)),
        ("removes spaces", lambda proto: setattr(proto.normalizer_spec, "remove_extra_whitespaces", True)),
        ("normalises", lambda proto: setattr(proto.normalizer_spec, "precompiled_charsmap", b"x")),
    ],
)
def test_a_model_that_would_not_convert_exactly_is_refused(model, words, change):
    with pytest.raises(DataError, match=words):
        fast_tokenizer(_changed(model, change))


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x0a\x03abc"])
def test_other_bytes_are_no_model(data):
    with pytest.raises(DataError, match="SentencePiece model"):
        parse_model(data, "some.model")


def test_the_files_name_no_place_of_this_machine(folder: Path):
    for path in folder.iterdir():
        assert str(Path.home()).encode() not in path.read_bytes()
        assert b"/tmp" not in path.read_bytes()
