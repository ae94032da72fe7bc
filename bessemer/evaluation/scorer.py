"""Log-likelihood of every token of given sequences, for any causal language model of transformers.

Long sequences are read through overlapping windows; each token is scored exactly once, and every token but those of
the first window sees at least ``context - stride`` tokens before it. Windows of all sequences are sorted by length
and padded on the right, where a causal model cannot see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from bessemer.errors import DataError
from bessemer.model.precision import Precision, resolve_precision

BATCH_TOKENS = {"cpu": 4_096, "cuda": 65_536}
LOGIT_BYTES = {"cpu": 256 << 20, "cuda": 4 << 30}
"""Bounds on one forward pass by device type: tokens read, and bytes of fp32 logits."""


_CHUNK = 512
"""Rows of logits that are reduced at a time: small enough for a CPU's cache."""


class Window(NamedTuple):
    """Tokens ``begin`` to ``end`` of a sequence are read; those from ``scored`` on are scored."""

    begin: int
    end: int
    scored: int


class TokenScores(NamedTuple):
    """Of the tokens of a sequence but the first: nats (float64), and whether each is the model's first choice."""

    nats: NDArray[np.float64]
    first_choice: NDArray[np.bool_]


@dataclass(frozen=True)
class LanguageModel:
    """A model, its tokenizer, and how they are used.

    Attributes:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: of transformers.
        device: that the model is on.
        precision: of the matrix products; log-likelihoods are always taken in fp32.
        start: the token that a document begins after.
        context: tokens that the model reads at most.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    precision: Precision
    start: int
    context: int

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, without special ones."""
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def load(folder: Path, *, context: int | None = None, precision: str = "auto") -> LanguageModel:
    """Open a model folder with the Auto classes, on the first GPU if there is one, with fp32 weights.

    Args:
        folder: as written by ``save_pretrained``, with its tokenizer.
        context: tokens to read at most; None or more than the model is made for: what it is made for.
        precision: ``auto``, ``fp32`` or ``bf16``.

    Raises:
        DataError: the folder does not open whole, or names no token that a document begins after.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer, model = _open(folder)
    candidates = (model.config.bos_token_id, tokenizer.bos_token_id, model.config.eos_token_id, tokenizer.eos_token_id)
    start = next((token for token in candidates if isinstance(token, int)), None)
    if start is None:
        raise DataError(f"{folder} names no bos or eos token for a document to begin after; add one to config.json.")
    longest = getattr(model.config, "max_position_embeddings", None) or context or 1024
    return LanguageModel(
        model=model.to(device).eval(),
        tokenizer=tokenizer,
        device=device,
        precision=resolve_precision(precision, device),
        start=start,
        context=min(longest, context or longest),
    )


def _open(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model of a folder.

    Raises:
        DataError: either does not open, or transformers would make up what is missing: random weights, which score
            as if they had been trained, or a tokenizer without tokens, under which every text costs nothing.
    """
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        opened: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise _unusable(folder, (str(error) or type(error).__name__).splitlines()[0]) from None
    model, loading = opened
    absent = sorted({*loading["missing_keys"], *(key for key, *_ in loading["mismatched_keys"])})
    if absent:
        raise _unusable(folder, f"{absent[0]} is missing or of another shape, one of {len(absent)}")
    if not tokenizer("bits per byte", add_special_tokens=False)["input_ids"]:
        raise _unusable(folder, "its tokenizer has no tokens")
    return tokenizer, model


def _unusable(folder: Path, reason: str) -> DataError:
    return DataError(f"{folder} does not open as a causal language model ({reason}); run the stage pretrain.")


def windows(length: int, context: int, stride: int) -> list[Window]:
    """Cover a sequence so that each token but the first is scored once, with as few windows as ``stride`` allows.

    Args:
        length: of the sequence, its start token included.
        context: tokens of a window at most.
        stride: tokens that a window after the first scores at most, 1 to ``context - 1``.
    """
    if length < 2:
        return []
    found = [Window(0, min(length, context), 1)]
    while (done := found[-1].end) < length:
        end = min(length, done + stride)
        found.append(Window(end - context, end, done))
    return found


def score(
    lm: LanguageModel,
    sequences: Sequence[Sequence[int]],
    *,
    stride: int,
    batch_tokens: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[TokenScores]:
    """Score every token but the first of each sequence.

    Args:
        lm: the model.
        sequences: token ids, each beginning with what the rest follows (see :attr:`LanguageModel.start`).
        stride: see :func:`windows`.
        batch_tokens: read at most so many at a time; None: by device and vocabulary.
        advance: told how many windows are done.
    """
    results = [TokenScores(np.zeros(max(0, len(s) - 1)), np.zeros(max(0, len(s) - 1), dtype=bool)) for s in sequences]
    work = [
        (number, window)
        for number, sequence in enumerate(sequences)
        for window in windows(len(sequence), lm.context, stride)
    ]
    work.sort(key=lambda item: (item[1].end - item[1].begin, item[1].scored - item[1].begin, item[0], item[1].begin))
    for batch in _batches(work, batch_tokens or _batch_tokens(lm)):
        tokens = [sequences[number][window.begin : window.end] for number, window in batch]
        kept = min(window.scored - window.begin for _, window in batch) - 1
        nats, first = _score_batch(lm, tokens, kept)
        for row, (number, window) in enumerate(batch):
            chosen = slice(window.scored - window.begin - 1 - kept, window.end - window.begin - 1 - kept)
            target = slice(window.scored - 1, window.end - 1)
            results[number].nats[target] = nats[row, chosen]
            results[number].first_choice[target] = first[row, chosen]
        if advance is not None:
            advance(len(batch))
    return results


def count_windows(lm: LanguageModel, sequences: Sequence[Sequence[int]], stride: int) -> int:
    """How many windows :func:`score` will read."""
    return sum(len(windows(len(sequence), lm.context, stride)) for sequence in sequences)


def _batch_tokens(lm: LanguageModel) -> int:
    kind = lm.device.type if lm.device.type in BATCH_TOKENS else "cuda"
    return max(lm.context, min(BATCH_TOKENS[kind], LOGIT_BYTES[kind] // (4 * int(lm.model.config.vocab_size))))


def _batches(work: Sequence[tuple[int, Window]], most: int) -> list[list[tuple[int, Window]]]:
    """Neighbours in ``work`` (sorted by length) of at most ``most`` tokens with padding, at least one a batch."""
    found: list[list[tuple[int, Window]]] = []
    for item in work:
        length = item[1].end - item[1].begin
        if found and (len(found[-1]) + 1) * length <= most:
            found[-1].append(item)
        else:
            found.append([item])
    return found


@torch.inference_mode()
def _score_batch(
    lm: LanguageModel, tokens: Sequence[Sequence[int]], kept: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Nats and first choices of the tokens after position ``kept``, each of shape (rows, longest - 1 - kept)."""
    longest = max(len(row) for row in tokens)
    padded = torch.full((len(tokens), longest), lm.start, dtype=torch.int64)
    for row, values in enumerate(tokens):
        padded[row, : len(values)] = torch.as_tensor(values, dtype=torch.int64)
    padded = padded.to(lm.device)
    with torch.autocast(lm.device.type, dtype=torch.bfloat16, enabled=lm.precision == "bf16"):
        logits: Tensor = lm.model(input_ids=padded, use_cache=False, logits_to_keep=longest - kept).logits
    targets = padded[:, kept + 1 :].flatten()
    nats = torch.empty(len(targets), dtype=torch.float64)
    first = torch.empty(len(targets), dtype=torch.bool)
    flat = logits[:, -(longest - kept) : -1].flatten(0, 1)
    for begin in range(0, len(targets), _CHUNK):
        part = flat[begin : begin + _CHUNK].float()
        chosen = part.gather(1, targets[begin : begin + _CHUNK, None]).squeeze(1)
        nats[begin : begin + _CHUNK] = (torch.logsumexp(part, dim=1) - chosen).double()
        first[begin : begin + _CHUNK] = _is_first_choice(part, targets[begin : begin + _CHUNK], chosen)
    return nats.view(len(tokens), -1).numpy(), first.view(len(tokens), -1).numpy()


def _is_first_choice(logits: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
    """Whether argmax gives the target. Only rows whose maximum it reaches are searched: bf16 logits have ties."""
    first = chosen == logits.amax(dim=1)
    rows = first.nonzero().squeeze(1)
    first[rows] = logits[rows].argmax(dim=1) == targets[rows]
    return first
