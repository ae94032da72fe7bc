"""The indexed files against a reader written from the format's description, and against damage."""

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.errors import DataError
from bessemer.tokens.indexed import IndexedFile, IndexedWriter, token_dtype

documents = st.lists(st.lists(st.integers(0, 65_535), max_size=30), max_size=30)


def write_indexed(prefix: Path, sequences, dtype) -> int:
    """Write one pair of files; the number of its tokens."""
    with IndexedWriter(prefix, dtype) as writer:
        for tokens in sequences:
            writer.add(tokens)
    return writer.tokens


def read_megatron(prefix: Path) -> tuple[list[list[int]], list[int]]:
    """Sequences and document index, by the letter of the format and with nothing of Bessemer's."""
    index, data = Path(f"{prefix}.idx").read_bytes(), Path(f"{prefix}.bin").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    assert int.from_bytes(index[9:17], "little") == 1
    width, letter = {8: (2, "H"), 4: (4, "i")}[index[17]]
    count = int.from_bytes(index[18:26], "little")
    document_count = int.from_bytes(index[26:34], "little")
    sizes = struct.unpack_from(f"<{count}i", index, 34)
    pointers = struct.unpack_from(f"<{count}q", index, 34 + 4 * count)
    boundaries = struct.unpack_from(f"<{document_count}q", index, 34 + 12 * count)
    assert len(index) == 34 + 12 * count + 8 * document_count
    sequences = [
        list(struct.unpack_from(f"<{size}{letter}", data, start)) for size, start in zip(sizes, pointers, strict=True)
    ]
    assert sum(sizes) * width == len(data)
    return sequences, list(boundaries)


@given(documents)
def test_an_independent_reader_finds_every_document_and_its_bounds(tmp_path_factory, sequences):
    prefix = tmp_path_factory.mktemp("indexed") / "shard"
    tokens = write_indexed(prefix, (np.array(tokens, dtype=np.int64) for tokens in sequences), np.dtype("<u2"))
    found, boundaries = read_megatron(prefix)
    assert found == sequences
    assert boundaries == list(range(len(sequences) + 1))
    assert tokens == sum(map(len, sequences))


@given(documents)
def test_the_mapped_reader_gives_back_what_was_written(tmp_path_factory, sequences):
    prefix = tmp_path_factory.mktemp("indexed") / "shard"
    write_indexed(prefix, (np.array(tokens, dtype=np.int64) for tokens in sequences), np.dtype("<i4"))
    file = IndexedFile(prefix)
    bounds = [*file.starts(0, file.sequences).tolist(), file.tokens]
    assert [file.slice(*pair).tolist() for pair in itertools.pairwise(bounds)] == sequences
    holders = [number for number, tokens in enumerate(sequences) for _ in tokens]
    assert file.find(np.arange(file.tokens, dtype=np.int64)).tolist() == holders


def test_ids_above_16_bits_are_stored_in_32():
    assert token_dtype(65_536) == np.uint16
    assert token_dtype(65_537) == np.int32


def test_nothing_appears_under_its_name_when_writing_fails(tmp_path):
    def broken():
        yield np.array([1, 2, 3])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_indexed(tmp_path / "shard", broken(), np.dtype("<u2"))
    assert list(tmp_path.iterdir()) == []


def _cut(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])


def _patch(path: Path, at: int, data: bytes) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:at] + data + content[at + len(data) :])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda prefix: _cut(prefix.with_suffix(".idx"), 20), "cut short"),
        (lambda prefix: _cut(prefix.with_suffix(".idx"), 60), "does not fit"),
        (lambda prefix: _cut(prefix.with_suffix(".bin"), 4), "its index ends"),
        (lambda prefix: _patch(prefix.with_suffix(".idx"), 0, b"X"), "not a Megatron index"),
        (lambda prefix: _patch(prefix.with_suffix(".idx"), 9, b"\x02"), "not a Megatron index"),
        (lambda prefix: _patch(prefix.with_suffix(".idx"), 17, b"\x63"), "not a Megatron index"),
        (lambda prefix: _patch(prefix.with_suffix(".idx"), 18, b"\xff" * 8), "does not fit"),
        (lambda prefix: prefix.with_suffix(".bin").unlink(), "is missing"),
        (lambda prefix: prefix.with_suffix(".idx").write_bytes(b""), "cut short"),
    ],
)
def test_a_damaged_pair_is_a_data_error_that_names_the_file(tmp_path, damage, words):
    prefix = tmp_path / "shard"
    write_indexed(prefix, [np.array([5, 6, 2]), np.array([7, 2])], np.dtype("<u2"))
    damage(prefix)
    with pytest.raises(DataError, match=words) as caught:
        IndexedFile(prefix)
    assert str(tmp_path / "shard.") in str(caught.value)
