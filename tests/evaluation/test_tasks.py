"""Last-word cloze: which passages are asked, and that an answer counts exactly when greedy decoding writes it."""

import re

import torch

from bessemer.evaluation.bits_per_byte import encode
from bessemer.evaluation.tasks import ClozeItem, cloze_items, run_cloze
from bessemer.evaluation.texts import Document
from tests.evaluation.languages import ByHeart, Guesser, gpt2, wrap

SENTENCE = "The {0} ship sailed over the wide and {0} sea towards an island that nobody had called {0} {1}. "
WORDS = ["green", "silent", "narrow", "golden", "bitter", "hollow", "modern", "tender"]


def documents(count: int = 3) -> list[Document]:
    """Texts of sentences that differ in two words."""
    return [
        Document(
            f"d{number}",
            "".join(SENTENCE.format(word, WORDS[(place + number) % 8]) for place, word in enumerate(WORDS)),
        )
        for number in range(count)
    ]


def test_an_item_is_a_passage_of_the_text_and_the_last_word_of_its_sentence() -> None:
    texts = {document.id: document.text for document in documents()}
    items = cloze_items(documents(), count=50, context_words=20, seed=0)
    assert items
    for item in items:
        name, place = item.id.split("@")
        text, end = texts[name], int(place)
        assert text[:end].endswith(item.passage)
        assert text[end : end + len(item.answer)] == item.answer
        assert re.fullmatch(r" [A-Za-z]{3,}", item.answer)
        assert text[end + len(item.answer)] == "."
        assert 10 <= len(item.passage.split()) <= 20
        assert not item.passage[0].isspace()


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_documents() -> None:
    chosen = cloze_items(documents(), count=5, context_words=20, seed=0)
    assert cloze_items(documents()[::-1], count=5, context_words=20, seed=0) == chosen
    assert cloze_items(documents(), count=5, context_words=20, seed=1) != chosen
    assert len(chosen) == 5


def test_no_document_gives_more_than_eight_passages() -> None:
    long = Document("long", " ".join(documents(1)[0].text for _ in range(20)))
    assert len(cloze_items([long], count=1000, context_words=20, seed=0)) == 8


def test_who_knows_the_text_by_heart_is_right_and_who_guesses_is_not() -> None:
    texts = documents(1)
    items = cloze_items(texts, count=20, context_words=20, seed=0)
    (tokens,) = encode(wrap(Guesser()), texts)
    known = run_cloze(wrap(ByHeart(tokens, memory=60), context=512), items, stride=256)
    assert known.accuracy == 1.0
    assert known.bits_per_byte < 1e-3
    guessed = run_cloze(wrap(Guesser(), context=512), items, stride=256)
    assert guessed.accuracy == 0.0
    assert 8.0 < guessed.bits_per_byte < 8.1
    assert guessed.commonest_accuracy == 1 / len({item.answer for item in items})


def test_an_answer_counts_exactly_when_greedy_decoding_writes_it() -> None:
    model = gpt2()
    lm = wrap(model)
    prompts = ["ab cd", "Some words", "x"]
    items = []
    for number, prompt in enumerate(prompts):
        tokens = [lm.start, *lm.encode(prompt)]
        for _ in range(3):
            with torch.no_grad():
                tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
        written = lm.tokenizer.decode(tokens[-3:])
        if lm.encode(prompt + written) == tokens[1:]:
            items.append(ClozeItem(f"right {number}", prompt, written))
        items.append(ClozeItem(f"wrong {number}", prompt, " zzz"))
    result = run_cloze(lm, items, stride=32)
    assert [item.id.startswith("right") for item in items] == list(result.correct)


def test_without_items_there_is_no_accuracy() -> None:
    result = run_cloze(wrap(Guesser()), [], stride=32)
    assert result.accuracy != result.accuracy
