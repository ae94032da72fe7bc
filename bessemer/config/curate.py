"""Parameters of ``curate``: the policy that turns numbers into kept or dropped. Any limit is switched off by ``null``.

A limit ``min_x`` or ``max_x`` bounds the signal ``x`` of the sidecars and is itself allowed. Defaults follow published
ones where these hold for any text; what was tuned on English pages judges English only, and repeated word n-grams are
asked of languages that write words apart.
"""

import math
from typing import Annotated, Literal, Self, cast

from pydantic import Field, model_validator

from bessemer.config.base import Fraction, Strict

Limit = Fraction | None
Count = Annotated[int, Field(ge=0)] | None

UNSPACED = ["bo", "dz", "ja", "km", "ko", "lo", "my", "th", "wuu", "yue", "zh"]
"""Languages whose words are counted by character or syllable, so that a limit on word n-grams means something else."""


class RuleGroup(Strict):
    """Limits that are asked of some languages only."""

    languages: list[str] | None = Field(
        None, description="languages that the group judges (as in the sidecar); null: all"
    )
    except_languages: list[str] = Field(default_factory=list, description="languages that the group does not judge")


class LengthRules(RuleGroup):
    """How long a document is."""

    min_words: Count = Field(
        20,
        description="fewest words; Gopher (Rae et al. 2021) has 50, which a short poem or help page does not reach",
    )
    max_words: Count = Field(100_000, description="most words (Gopher)")


class WordRules(RuleGroup):
    """What the words look like: limits for English prose (Gopher, Rae et al. 2021, appendix A.1.1)."""

    languages: list[str] | None = Field(["en"], description="languages that the group judges; null: all")
    min_mean_word_length: Annotated[float, Field(ge=0)] | None = Field(
        3.0, description="least mean length of a word, in characters (Gopher)"
    )
    max_mean_word_length: Annotated[float, Field(ge=0)] | None = Field(
        10.0, description="largest mean length of a word, in characters (Gopher)"
    )
    min_stop_words: Count = Field(2, description="fewest distinct words of quality.stop_words (Gopher)")


class SymbolRules(RuleGroup):
    """Symbols, bullets and words without a letter (Gopher, Rae et al. 2021, appendix A.1.1)."""

    max_hashes_per_word: Annotated[float, Field(ge=0)] | None = Field(
        0.1, description="most hash signs per word (Gopher)"
    )
    max_ellipses_per_word: Annotated[float, Field(ge=0)] | None = Field(
        0.1, description="most ellipses per word (Gopher)"
    )
    max_bullet_line_fraction: Limit = Field(0.9, description="largest share of lines that start with a bullet (Gopher)")
    max_ellipsis_line_fraction: Limit = Field(
        0.3, description="largest share of lines that end in an ellipsis (Gopher)"
    )
    min_alphabetic_word_fraction: Limit = Field(
        0.6,
        description="least share of words with a letter; Gopher has 0.8, which tables of figures do not reach",
    )


class LineRepetitionRules(RuleGroup):
    """Repeated lines and paragraphs, as shares (Gopher, Rae et al. 2021, table A1)."""

    max_duplicate_line_fraction: Limit = Field(0.30, description="lines that occur before, of all lines (Gopher)")
    max_duplicate_paragraph_fraction: Limit = Field(0.30, description="paragraphs that occur before, of all (Gopher)")
    max_duplicate_line_characters: Limit = Field(0.20, description="characters in lines that occur before (Gopher)")
    max_duplicate_paragraph_characters: Limit = Field(
        0.20, description="characters in paragraphs that occur before (Gopher)"
    )


class NgramRepetitionRules(RuleGroup):
    """Repeated word n-grams, as shares of characters (Gopher, Rae et al. 2021, table A1)."""

    except_languages: list[str] = Field(
        UNSPACED,
        description="languages that the group does not judge: their n-grams are of characters and always repeat",
    )
    max_top_2_gram_characters: Limit = Field(0.20, description="characters in the commonest 2-gram (Gopher)")
    max_top_3_gram_characters: Limit = Field(0.18, description="characters in the commonest 3-gram (Gopher)")
    max_top_4_gram_characters: Limit = Field(0.16, description="characters in the commonest 4-gram (Gopher)")
    max_duplicate_5_gram_characters: Limit = Field(0.15, description="characters in 5-grams that occur before (Gopher)")
    max_duplicate_6_gram_characters: Limit = Field(0.14, description="characters in 6-grams that occur before (Gopher)")
    max_duplicate_7_gram_characters: Limit = Field(0.13, description="characters in 7-grams that occur before (Gopher)")
    max_duplicate_8_gram_characters: Limit = Field(0.12, description="characters in 8-grams that occur before (Gopher)")
    max_duplicate_9_gram_characters: Limit = Field(0.11, description="characters in 9-grams that occur before (Gopher)")
    max_duplicate_10_gram_characters: Limit = Field(
        0.10, description="characters in 10-grams that occur before (Gopher)"
    )


class WebRules(RuleGroup):
    """Marks of a page that is no text: C4 (Raffel et al. 2020) and FineWeb (Penedo et al. 2024)."""

    languages: list[str] | None = Field(["en"], description="languages that the group judges; null: all")
    max_lorem_ipsum: Count = Field(0, description="most occurrences of the placeholder text (C4)")
    max_javascript_line_fraction: Limit = Field(
        None, description="largest share of lines with the word javascript; C4 cuts such lines out"
    )
    max_curly_brackets: Count = Field(
        None, description="most opening curly brackets; C4 has 0, which drops pages that show code"
    )
    min_sentences: Count = Field(None, description="fewest sentences; C4 has 5, which drops short reference pages")
    min_terminal_line_fraction: Limit = Field(
        None,
        description="least share of lines that end a sentence; FineWeb has 0.12, which drops lists and verse",
    )
    max_duplicate_line_characters: Limit = Field(
        None, description="characters in lines that occur before; FineWeb has 0.1, which drops hymns and glossaries"
    )
    max_short_line_fraction: Limit = Field(
        None, description="largest share of short lines; FineWeb has 0.67, which drops verse and lists"
    )
    max_newlines_per_word: Annotated[float, Field(ge=0)] | None = Field(
        None, description="most line ends per word; FineWeb has 0.3, which drops verse and tables"
    )


class ClassifierRule(RuleGroup):
    """The quality classifier's opinion."""

    languages: list[str] | None = Field(["en"], description="languages that the group judges; null: all")
    min_classifier_score: Fraction | Literal["calibrated"] | None = Field(
        "calibrated",
        description="least probability of wanted text; calibrated: the cut that classifier.keep_fraction gave",
    )


class ContaminationRules(Strict):
    """Text that models are judged by must not be trained on (overlaps in n-grams: Brown et al. 2020)."""

    max_overlap: Limit = Field(0.2, description="largest share of a document's n-grams that one evaluation set has")
    max_reverse_overlap: Limit = Field(
        0.2, description="largest share of one evaluation item's n-grams that a document has"
    )
    cut: bool = Field(
        False,
        description="cut what evaluation sets have, with a margin, out of documents that meet both limits; one that "
        "would keep fewer than length.min_words words is dropped. With both limits null, nothing else is done",
    )


Priority = Literal["quality", "length", "newest", "oldest", "id"]


class DuplicateRules(Strict):
    """Which of identical or verified similar documents stay."""

    exact: bool = Field(True, description="drop documents whose normalised text another kept one has")
    threshold: Limit = Field(
        0.8,
        description="least true Jaccard similarity that makes a near duplicate, not below dedup.floor (Olmo 3 has 0.8)",
    )
    priority: list[Priority] = Field(
        ["quality", "length", "id"],
        min_length=1,
        description="who stays: highest classifier score, most words, newest or oldest date, smallest id; "
        "each breaks the ties of the one before",
    )
    part_copies: Annotated[int, Field(ge=1)] | None = Field(
        6,
        description="documents that keep a line or paragraph (dedup.parts) which more have: the first by priority; it "
        "is cut out of the others (Llama 3 cuts lines that occur more than 6 times); null: cut nothing",
    )
    max_cut_fraction: Limit = Field(
        0.8,
        description="a document that would lose more of its bytes so, or keep fewer than "
        "length.min_words words, is dropped instead; one that stands for duplicates stays whole",
    )

    @model_validator(mode="after")
    def _near_includes_exact(self) -> Self:
        if self.threshold is not None and not self.exact:
            raise ValueError("identical documents are near duplicates too: set threshold to null or exact to true")
        if len(set(self.priority)) != len(self.priority) or {"newest", "oldest"} <= set(self.priority):
            raise ValueError("each priority may be given once, and only one of newest and oldest")
        return self


Action = Literal["mask", "drop", "keep"]


class PiiParams(Strict):
    """Personal data: ``mask`` replaces it in kept documents, ``drop`` drops the whole document, ``keep`` does nothing.

    It is looked for in all documents, whatever is done with it, and counted beside them.
    """

    key: Action = Field(
        "mask", description="private keys in text armour (PEM, OpenSSH, OpenPGP); mask, drop the document, or keep"
    )
    email: Action = Field(
        "mask", description="e-mail addresses, except of domains reserved for examples (RFC 2606); likewise"
    )
    ip: Action = Field("mask", description="globally routable IPv4 and IPv6 addresses; likewise")
    card: Action = Field("mask", description="payment card numbers with a right check digit (ISO/IEC 7812); likewise")
    phone: Action = Field(
        "mask", description="telephone numbers that are valid in the numbering plan of their country; likewise"
    )
    phone_regions: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = Field(
        ["US"], description="countries (ISO 3166-1) whose numbers are found without a country code too"
    )

    def action(self, kind: str) -> Action:
        """What is done with a kind, by the name of its field."""
        return cast("Action", getattr(self, kind))


_MOST_COPIES = 100.0
Weight = Annotated[float, Field(ge=0, le=_MOST_COPIES)]


class Step(Strict):
    """A weight from some number on."""

    at_least: Annotated[float, Field(ge=0)] = Field(description="smallest number that has the weight")
    weight: Weight = Field(description="times that such a document is trained on, on average")


class WeightRules(Strict):
    """How often a kept document is trained on, on average: the product of the weights that apply; 1 where none does.

    Up-weighting by what deduplication found: FineWeb2 (Penedo et al. 2025); by quality: Nemotron-CC (Su et al. 2024).
    """

    sources: dict[str, Weight] = Field(default_factory=dict, description="source to weight")
    languages: dict[str, Weight] = Field(default_factory=dict, description="language (as in the sidecar) to weight")
    quality: list[Step] = Field(
        default_factory=list,
        description="steps `{at_least, weight}` of the classifier's score; of those that a document reaches the last",
    )
    duplicates: list[Step] = Field(
        default_factory=list,
        description="likewise, of the number of documents that one stands for, itself among them",
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for name in ("quality", "duplicates"):
            starts = [step.at_least for step in getattr(self, name)]
            if sorted(set(starts)) != starts:
                raise ValueError(f"the steps of {name} must have rising at_least")
        named = [self.sources.values(), self.languages.values()]
        steps = [[step.weight for step in found] for found in (self.quality, self.duplicates)]
        most = math.prod(max([1.0, *weights]) for weights in (*named, *steps))
        if most > _MOST_COPIES:
            raise ValueError(f"a document could be trained on {most:g} times; at most {_MOST_COPIES:g} are possible")
        return self


class CurateParams(Strict):
    """The policy. A document is dropped for the first limit that it breaks, in the order of the fields below."""

    languages: list[str] | None = Field(None, description="wanted languages (as in the sidecar); null: all")
    min_language_score: Limit = Field(
        0.3,
        description="least probability of the language (the lowest that FineWeb2 asks of any; CCNet has 0.5, FineWeb "
        "0.65); a language with close relatives scores low",
    )
    min_language_share: Limit = Field(
        0.5,
        description="least share of the characters of a document's paragraphs that is in its language; translations "
        "that stop halfway have less. Documents whose paragraphs were not looked at break nothing",
    )
    length: LengthRules = Field(default_factory=LengthRules, description="how long a document is")
    words: WordRules = Field(default_factory=WordRules, description="what the words look like")
    symbols: SymbolRules = Field(default_factory=SymbolRules, description="symbols, bullets, words without a letter")
    repeated_lines: LineRepetitionRules = Field(
        default_factory=LineRepetitionRules, description="repeated lines and paragraphs"
    )
    repeated_ngrams: NgramRepetitionRules = Field(
        default_factory=NgramRepetitionRules, description="repeated word n-grams"
    )
    web: WebRules = Field(default_factory=WebRules, description="marks of a page that is no text")
    classifier: ClassifierRule = Field(default_factory=ClassifierRule, description="the quality classifier's opinion")
    contamination: ContaminationRules = Field(
        default_factory=ContaminationRules, description="overlap with evaluation sets"
    )
    duplicates: DuplicateRules = Field(default_factory=DuplicateRules, description="which of look-alikes stay")
    pii: PiiParams = Field(default_factory=PiiParams, description="personal data: masked, kept, or a reason to drop")
    weights: WeightRules = Field(
        default_factory=WeightRules, description="how often kept documents are trained on; drops nothing"
    )
    samples: int = Field(10, ge=0, le=100, description="documents shown in the report for each reason")
