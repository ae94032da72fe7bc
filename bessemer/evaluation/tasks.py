"""Last-word cloze: the last word of a sentence, given what comes before it (after LAMBADA, Paperno et al. 2016).

The passages are cut from held-out text of any corpus, so the task needs no benchmark and no network. An answer counts
when greedy decoding would write exactly that word, that is when each of its tokens is the model's first choice.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bessemer.evaluation.scorer import LanguageModel, score
from bessemer.evaluation.texts import Document
from bessemer.text.normalize import keyed

_ANSWER = re.compile(r"(?<=[a-z,;:]) ([A-Za-z]{3,})(?=[.!?](?:\s|$))")
_PER_DOCUMENT = 8


@dataclass(frozen=True)
class ClozeItem:
    """A passage up to a sentence's last word, and that word with the space before it."""

    id: str
    passage: str
    answer: str


@dataclass(frozen=True)
class ClozeResult:
    """Answers of a model.

    Attributes:
        items: asked.
        correct: per item, whether greedy decoding writes the answer.
        bits_per_byte: Σ bits / Σ UTF-8 bytes of the answers: moves long before accuracy does.
        commonest_accuracy: of always giving the commonest answer, for comparison.
    """

    items: Sequence[ClozeItem]
    correct: Sequence[bool]
    bits_per_byte: float
    commonest_accuracy: float

    @property
    def accuracy(self) -> float:
        """Share of the items that are right."""
        return sum(self.correct) / len(self.correct) if self.correct else math.nan


def cloze_items(documents: Sequence[Document], *, count: int, context_words: int, seed: int) -> list[ClozeItem]:
    """Passages chosen by a keyed hash, at most 8 a document, so that no document and no order of them rules.

    Args:
        documents: held-out texts with spaces between words.
        count: of passages, at most.
        context_words: words of a passage at most; those with less than half of it are not asked.
        seed: of the choice.
    """
    found: list[tuple[int, ClozeItem]] = []
    for document in documents:
        inside = []
        for match in _ANSWER.finditer(document.text):
            words = list(re.finditer(r"\S+", document.text[max(0, match.start() - 20 * context_words) : match.start()]))
            if len(words) < context_words // 2:
                continue
            offset = max(0, match.start() - 20 * context_words)
            begin = offset + words[-min(len(words), context_words)].start()
            item = ClozeItem(f"{document.id}@{match.start()}", document.text[begin : match.start()], match.group(0))
            inside.append((keyed(item.id, seed, "cloze"), item))
        found += sorted(inside, key=lambda pair: pair[0])[:_PER_DOCUMENT]
    return [item for _, item in sorted(found, key=lambda pair: pair[0])[:count]]


def run_cloze(
    lm: LanguageModel, items: Sequence[ClozeItem], *, stride: int, advance: Callable[[int], None] | None = None
) -> ClozeResult:
    """Ask the model for each last word. Passage and answer are encoded together, as text would be.

    Where a token spans the end of the passage, the answer begins with that token.
    """
    sequences, begins = [], []
    for item in items:
        encoded = lm.tokenizer(item.passage + item.answer, add_special_tokens=False, return_offsets_mapping=True)
        ends = [end for _, end in encoded["offset_mapping"]]
        begins.append(next(number for number, end in enumerate(ends) if end > len(item.passage)))
        sequences.append([lm.start, *encoded["input_ids"]])
    scores = score(lm, sequences, stride=stride, advance=advance)
    pairs = list(zip(scores, begins, strict=True))
    nats = math.fsum(float(found.nats[begin:].sum()) for found, begin in pairs)
    size = sum(len(item.answer.encode()) for item in items)
    answers = Counter(item.answer for item in items)
    return ClozeResult(
        items=items,
        correct=[bool(found.first_choice[begin:].all()) for found, begin in pairs],
        bits_per_byte=nats / (math.log(2) * size) if size else math.nan,
        commonest_accuracy=max(answers.values()) / len(items) if items else math.nan,
    )
