"""Buffers: the bytes of a column as Arrow holds them, without a copy where that can be."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.buffers import TextBuffer

columns = st.lists(st.none() | st.text(max_size=8), max_size=8)
kinds = pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)


def documents(buffer: TextBuffer) -> list[bytes]:
    return [buffer.document(number) for number in range(len(buffer))]


@kinds
@given(columns, columns, st.integers(0, 3))
def test_a_column_is_its_texts(kind: pa.DataType, first: list[str | None], second: list[str | None], skip: int) -> None:
    column = pa.chunked_array([pa.array(first, kind), pa.array(second, kind)], kind).slice(skip)
    expected = [(text or "").encode() for text in column.to_pylist()]
    assert documents(TextBuffer.of_column(column)) == expected
    assert TextBuffer.of_column(column).text_bytes == sum(map(len, expected))
    one = pa.array(first, kind).slice(skip)
    assert documents(TextBuffer.of_column(one)) == [(text or "").encode() for text in one.to_pylist()]


@kinds
def test_no_chunk_is_no_document(kind: pa.DataType) -> None:
    assert len(TextBuffer.of_column(pa.chunked_array([], kind))) == 0


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_one_chunk_without_nulls_is_not_copied(kind: pa.DataType) -> None:
    array = pa.array(["one", "two", "three"], kind).slice(1)
    data = TextBuffer.of_column(pa.chunked_array([array])).data
    assert data.__array_interface__["data"][0] == array.buffers()[2].address


def test_a_null_with_bytes_behind_it_is_empty() -> None:
    offsets, data = pa.py_buffer(np.array([0, 3, 6], np.int32)), pa.py_buffer(b"onetwo")
    array = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x02"), offsets, data])
    assert documents(TextBuffer.of_column(array)) == [b"", b"two"]


@given(st.lists(st.text(st.characters(), max_size=8), max_size=6))
def test_texts_are_encoded_surrogates_too(batch: list[str]) -> None:
    assert documents(TextBuffer.of_texts(batch)) == [text.encode("utf-8", "surrogatepass") for text in batch]


def test_nothing_can_be_written_through_a_buffer() -> None:
    buffer = TextBuffer(np.zeros(3, np.uint8), np.array([0, 3]))
    assert not buffer.data.flags.writeable
    assert not buffer.offsets.flags.writeable
