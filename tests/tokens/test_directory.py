"""Encoded documents and the directories assembled from them, against sorting in plain Python."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bessemer.errors import DataError
from bessemer.progress import progress
from bessemer.shards import write_shard
from bessemer.text.normalize import keyed
from bessemer.tokens.assemble import Encoded, assemble_train, assemble_validation
from bessemer.tokens.directory import DOCUMENTS, read_token_manifest, verify_tokens, write_token_manifest
from bessemer.tokens.encoding import encode_table, read_range
from bessemer.tokens.loader import TokenStream
from bessemer.tokens.order import order_keys

EOS = 2


class Letters:
    """An encoder whose ids are code points, so that tokens can be read."""

    vocab_size = 70_000
    eos_id = EOS

    def encode(self, texts):
        return [np.array([ord(letter) for letter in text], dtype=np.int32) for text in texts]


TEXTS = {f"{number:032x}": f"text {number} " + "x" * (number % 7) for number in range(300)} | {"f" * 32: ""}
KEYS = dict(zip(TEXTS, order_keys(list(TEXTS), 0).tolist(), strict=True))
COPIES = {"f" * 32: 0, f"{5:032x}": 3, f"{6:032x}": 2}
"""Documents that are not there once."""


@pytest.fixture
def encoded(tmp_path):
    """Three shards: what is in which must not matter."""
    names = []
    for number in range(3):
        ids = list(TEXTS)[number::3]
        table = pa.table(
            {
                "id": ids,
                "source": ["s"] * len(ids),
                "language": pa.array([None] * len(ids), pa.string()),
                "text": pa.array([TEXTS[name] for name in ids], pa.large_string()),
            }
        )
        names.append(f"part-{number}")
        rows = encode_table(table, Letters(), np.array([COPIES.get(name, 1) for name in ids]), 0)
        write_shard(tmp_path / "encoded", names[-1], rows)
    return Encoded(tmp_path / "encoded", names, Letters.vocab_size, EOS)


def expected_stream(ids):
    copies = [(name, copy) for name in ids for copy in range(max(1, COPIES.get(name, 1)))]
    placed = sorted((keyed(f"{name} {copy}" if copy else name, 0, "shard.order"), name, copy) for name, copy in copies)
    ordered = [name for _, name, _ in placed]
    return ordered, [token for name in ordered for token in [*map(ord, TEXTS[name]), EOS]]


def test_ranges_of_the_order_are_read_from_all_shards(encoded):
    table = read_range(encoded.directory, encoded.names, 2**62, 2**63)
    expected = sorted((name for name, key in KEYS.items() if 2**62 <= key < 2**63), key=lambda name: (KEYS[name], name))
    first = table.filter(pc.equal(table.column("copy"), 0))
    assert first.column("id").to_pylist() == expected
    assert sorted(table.column("key").to_pylist()) == table.column("key").to_pylist()


@pytest.mark.parametrize("shards", [1, 3])
def test_the_training_stream_is_all_that_stays_in_the_order_of_its_keys(encoded, tmp_path, shards):
    left_out = list(TEXTS)[::10]
    with progress("assemble", shards, "shards") as bar:
        assemble_train(
            tmp_path / "train",
            encoded,
            pa.array(left_out),
            shards=shards,
            threads=2,
            made_from={"curated": "1"},
            bar=bar,
        )
    ordered, tokens = expected_stream([name for name in TEXTS if name not in left_out])
    assert ordered.count(f"{5:032x}") == 3
    stream = TokenStream(tmp_path / "train")
    assert stream.slice(0, stream.total_tokens).tolist() == tokens
    documents = pq.read_table(tmp_path / "train" / DOCUMENTS)
    assert documents.column("id").to_pylist() == ordered
    assert documents.column("tokens").to_pylist() == [len(TEXTS[name]) + 1 for name in ordered]
    assert documents.column("bytes").to_pylist() == [len(TEXTS[name]) for name in ordered]
    assert len(set(documents.column("shard").to_pylist())) == shards
    assert verify_tokens(tmp_path / "train").dtype == "int32"


def test_validation_keeps_its_texts_beside_its_tokens(encoded, tmp_path):
    chosen = list(TEXTS)[5:40:3]
    assert chosen[0] in COPIES
    held_out = pa.table({"id": chosen, "text": pa.array([TEXTS[name] for name in chosen], pa.large_string())})
    assemble_validation(tmp_path / "val", encoded, held_out, made_from={})
    ordered = sorted(chosen, key=lambda name: (KEYS[name], name))
    tokens = [token for name in ordered for token in [*map(ord, TEXTS[name]), EOS]]
    stream = TokenStream(tmp_path / "val")
    assert stream.slice(0, stream.total_tokens).tolist() == tokens
    documents = pq.read_table(tmp_path / "val" / DOCUMENTS)
    assert documents.column("text").to_pylist() == [TEXTS[name] for name in ordered]


def test_a_manifest_for_other_documents_is_refused(encoded, tmp_path):
    held_out = pa.table({"id": list(TEXTS)[:3], "text": pa.array(list(TEXTS.values())[:3], pa.large_string())})
    manifest = assemble_validation(tmp_path / "val", encoded, held_out, made_from={})
    with pytest.raises(DataError, match="3 rows for 6 sequences"):
        write_token_manifest(tmp_path / "val", manifest.shards * 2, vocab_size=9, eos_id=2, made_from={})
    (tmp_path / "val/_manifest.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        read_token_manifest(tmp_path / "val")
