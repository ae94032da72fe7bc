"""datatrove's quality filters with their defaults, as FineWeb applies them: Gopher quality and repetition, FineWeb's.

Documents go through them one after another and leave at the first that drops them, as in a pipeline; reading and
writing are left out. Its English word splitter is spaCy's; for verdicts, words can be given instead.
"""

from collections.abc import Sequence

from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils import text as splitting
from datatrove.utils import word_tokenizers

from benchmarks.peers.serve import System, serve

FILTERS = (GopherQualityFilter(), GopherRepetitionFilter(), FineWebQualityFilter())


class GivenWords:
    """A word splitter that knows the words of the document that it is asked about."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def word_tokenize(self, text: str) -> list[str]:
        """The words that were given, whatever the text."""
        return self.words


def reason(text: str) -> str:
    """Why a document is dropped; nothing if it is kept."""
    document = Document(text=text, id="")
    for step in FILTERS:
        answer = step.filter(document)
        kept, why = answer if isinstance(answer, tuple) else (answer, step.name)
        if not kept:
            return str(why)
    return ""


def filter_all(texts: list[str]) -> list[str]:
    """The reasons of all documents."""
    return [reason(text) for text in texts]


def judge(texts: list[str], words: Sequence[list[str]] | None) -> list[str]:
    """The reasons of all documents, split by spaCy or into the words given."""
    if words is None:
        return filter_all(texts)
    own, given = word_tokenizers.load_word_tokenizer, GivenWords()
    word_tokenizers.load_word_tokenizer = lambda language: given
    try:
        reasons = []
        for text, given.words in zip(texts, words, strict=True):
            splitting.split_into_parts.cache_clear()  # two documents may have the same text
            reasons.append(reason(text))
        return reasons
    finally:
        word_tokenizers.load_word_tokenizer = own
        splitting.split_into_parts.cache_clear()


if __name__ == "__main__":
    serve(System(filter_all, judge=judge))
