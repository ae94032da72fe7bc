"""The choice of a backend, and the masks and boundaries of packed rows against a loop over every pair of tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from bessemer.errors import ConfigError
from bessemer.model import attention

CPU = torch.device("cpu")
rows_of_documents = arrays(
    np.int32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 2), fill=st.nothing()
)


def test_a_cpu_gets_sdpa_and_is_told_why() -> None:
    choice = attention.choose_backend("auto", CPU, torch.bfloat16)
    assert choice.backend == "sdpa"
    assert "cpu" in choice.reason


@pytest.mark.parametrize("name", ["flash_attention_2", "flash_attention_3", attention.VARLEN, attention.FLEX])
def test_a_backend_that_cannot_train_here_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} cannot run here: it has no backward pass on cpu"):
        attention.choose_backend(name, CPU, torch.bfloat16)


def test_a_misspelt_backend_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ConfigError, match="'flash' is no backend; use auto or one of sdpa"):
        attention.choose_backend("flash", CPU, torch.bfloat16)


def brute_force(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions, and who sees whom, by walking through each row."""
    rows, length = ids.shape
    positions = np.zeros(ids.shape, dtype=np.int64)
    sees = np.zeros((rows, length, length), dtype=bool)
    for row in range(rows):
        begin = 0
        for column in range(length):
            if column and ids[row, column] != ids[row, column - 1]:
                begin = column
            positions[row, column] = column - begin
            sees[row, column, begin : column + 1] = True
    return positions, sees


@given(rows_of_documents)
@settings(max_examples=60)
def test_positions_restart_and_masks_admit_exactly_the_tokens_before_in_the_same_document(ids: np.ndarray) -> None:
    positions, sees = brute_force(ids)
    packing = attention.pack(torch.from_numpy(ids), "sdpa")
    assert np.array_equal(packing.position_ids.numpy(), positions)
    several = bool((ids[:, 1:] != ids[:, :-1]).any())
    assert (packing.mask is not None) == several
    if several:
        assert np.array_equal(packing.mask[:, 0].numpy(), sees)
    additive = attention.pack(torch.from_numpy(ids), "eager").mask[:, 0].numpy()
    assert np.array_equal(additive == 0.0, sees)
    assert np.all(np.isneginf(additive[~sees]))


@given(rows_of_documents)
@settings(max_examples=60)
def test_boundaries_cut_the_flattened_rows_where_a_document_or_a_row_begins(ids: np.ndarray) -> None:
    positions, _ = brute_force(ids)
    kernel = attention.pack(torch.from_numpy(ids), attention.VARLEN).kernel
    begins = np.flatnonzero(positions.ravel() == 0)
    assert kernel["cu_seq_lens_q"].tolist() == [*begins.tolist(), ids.size]
    assert kernel["cu_seq_lens_q"].dtype == torch.int32
    assert kernel["max_length_q"] == positions.max() + 1
