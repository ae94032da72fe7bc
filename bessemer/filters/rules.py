"""The policy: which limit, on which number, of which languages, in which order; and judging a shard by it.

The first limit that a document breaks is its reason. Duplicates are decided afterwards, among those that break none.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.config.curate import CurateParams, RuleGroup

PASSED = -1


class Reason(StrEnum):
    """Why a document is not in the corpus. Stored in the ledger: add, never rename."""

    LANGUAGE = "language"  # not one of the wanted languages
    LANGUAGE_UNSURE = "language_unsure"  # the model is too unsure of the language
    MIXED_LANGUAGES = "mixed_languages"  # too little of it is in its language
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SHORT_WORDS = "short_words"
    LONG_WORDS = "long_words"
    FEW_STOP_WORDS = "few_stop_words"
    HASH_SIGNS = "hash_signs"
    ELLIPSES = "ellipses"
    BULLET_LINES = "bullet_lines"
    ELLIPSIS_LINES = "ellipsis_lines"
    FEW_LETTERS = "few_letters"
    DUPLICATE_LINES = "duplicate_lines"
    DUPLICATE_PARAGRAPHS = "duplicate_paragraphs"
    DUPLICATE_LINE_CHARACTERS = "duplicate_line_characters"
    DUPLICATE_PARAGRAPH_CHARACTERS = "duplicate_paragraph_characters"
    TOP_2_GRAM = "top_2_gram"
    TOP_3_GRAM = "top_3_gram"
    TOP_4_GRAM = "top_4_gram"
    DUPLICATE_5_GRAMS = "duplicate_5_grams"
    DUPLICATE_6_GRAMS = "duplicate_6_grams"
    DUPLICATE_7_GRAMS = "duplicate_7_grams"
    DUPLICATE_8_GRAMS = "duplicate_8_grams"
    DUPLICATE_9_GRAMS = "duplicate_9_grams"
    DUPLICATE_10_GRAMS = "duplicate_10_grams"
    LOREM_IPSUM = "lorem_ipsum"
    JAVASCRIPT_LINES = "javascript_lines"
    CURLY_BRACKETS = "curly_brackets"
    FEW_SENTENCES = "few_sentences"
    FEW_TERMINAL_LINES = "few_terminal_lines"
    DUPLICATE_LINE_CHARACTERS_WEB = "duplicate_line_characters_web"  # FineWeb's limit, below Gopher's
    SHORT_LINES = "short_lines"
    MANY_NEWLINES = "many_newlines"
    QUALITY = "quality"  # the classifier's score is below the cut
    CONTAMINATED = "contaminated"  # too much of the document is evaluation text; the set is the evidence
    EVALUATION_ITEM = "evaluation_item"  # the document holds too much of one evaluation item; the set is the evidence
    CONTAMINATED_REST = "contaminated_rest"  # too few words are left when evaluation text is cut out
    PII_KEY = "pii_key"  # has a private key; so and likewise only if curate.pii says drop
    PII_EMAIL = "pii_email"
    PII_IP = "pii_ip"
    PII_CARD = "pii_card"
    PII_PHONE = "pii_phone"
    EXACT_DUPLICATE = "exact_duplicate"  # same normalised text as the evidence, which is kept
    NEAR_DUPLICATE = "near_duplicate"  # verified similar to the evidence, which is kept
    REPEATED_PARTS = "repeated_parts"  # too little is its own: share of lines that kept documents have, or words left
    VALIDATION_OVERLAP = "validation_overlap"  # decided by shard: shares n-grams with validation
    VALIDATION_NEAR_DUPLICATE = (
        "validation_near_duplicate"  # decided by shard: verified similar to a validation document
    )
    SAMPLED_OUT = "sampled_out"  # decided by shard: its weight is below 1, and the draw left it out


_BREAKS: dict[str, Callable[[Any, Any], Any]] = {"<": operator.lt, ">": operator.gt}


@dataclass(frozen=True)
class Rule:
    """A document breaks the rule if ``value of column`` ``breaks`` ``threshold`` and its language is judged.

    Attributes:
        parameter: where the threshold is set, below ``curate``.
    """

    reason: Reason
    parameter: str
    column: str
    breaks: str
    threshold: float
    languages: frozenset[str] | None = None
    except_languages: frozenset[str] = frozenset()


_LIMITS: tuple[tuple[Reason, str], ...] = (
    (Reason.LANGUAGE_UNSURE, "min_language_score"),
    (Reason.MIXED_LANGUAGES, "min_language_share"),
    (Reason.TOO_SHORT, "length.min_words"),
    (Reason.TOO_LONG, "length.max_words"),
    (Reason.SHORT_WORDS, "words.min_mean_word_length"),
    (Reason.LONG_WORDS, "words.max_mean_word_length"),
    (Reason.FEW_STOP_WORDS, "words.min_stop_words"),
    (Reason.HASH_SIGNS, "symbols.max_hashes_per_word"),
    (Reason.ELLIPSES, "symbols.max_ellipses_per_word"),
    (Reason.BULLET_LINES, "symbols.max_bullet_line_fraction"),
    (Reason.ELLIPSIS_LINES, "symbols.max_ellipsis_line_fraction"),
    (Reason.FEW_LETTERS, "symbols.min_alphabetic_word_fraction"),
    (Reason.DUPLICATE_LINES, "repeated_lines.max_duplicate_line_fraction"),
    (Reason.DUPLICATE_PARAGRAPHS, "repeated_lines.max_duplicate_paragraph_fraction"),
    (Reason.DUPLICATE_LINE_CHARACTERS, "repeated_lines.max_duplicate_line_characters"),
    (Reason.DUPLICATE_PARAGRAPH_CHARACTERS, "repeated_lines.max_duplicate_paragraph_characters"),
    *((Reason(f"top_{n}_gram"), f"repeated_ngrams.max_top_{n}_gram_characters") for n in (2, 3, 4)),
    *(
        (Reason(f"duplicate_{n}_grams"), f"repeated_ngrams.max_duplicate_{n}_gram_characters")
        for n in (5, 6, 7, 8, 9, 10)
    ),
    (Reason.LOREM_IPSUM, "web.max_lorem_ipsum"),
    (Reason.JAVASCRIPT_LINES, "web.max_javascript_line_fraction"),
    (Reason.CURLY_BRACKETS, "web.max_curly_brackets"),
    (Reason.FEW_SENTENCES, "web.min_sentences"),
    (Reason.FEW_TERMINAL_LINES, "web.min_terminal_line_fraction"),
    (Reason.DUPLICATE_LINE_CHARACTERS_WEB, "web.max_duplicate_line_characters"),
    (Reason.SHORT_LINES, "web.max_short_line_fraction"),
    (Reason.MANY_NEWLINES, "web.max_newlines_per_word"),
    (Reason.QUALITY, "classifier.min_classifier_score"),
    (Reason.CONTAMINATED, "contamination.max_overlap"),
    (Reason.EVALUATION_ITEM, "contamination.max_reverse_overlap"),
)
"""Every limit in the order in which they are asked. ``min_x`` and ``max_x`` bound the column ``x`` of the sidecars."""


_UNWANTED = (Reason.PII_KEY, Reason.PII_EMAIL, Reason.PII_IP, Reason.PII_CARD, Reason.PII_PHONE)
"""Reasons that are also the columns which count findings; asked after all limits, for the kinds that ``pii`` drops."""


@dataclass(frozen=True)
class Verdicts:
    """What the policy says about n documents before duplicates are looked at.

    Attributes:
        first: shape (n,), int64: position in ``reasons`` of the first limit that is broken; -1 for none.
        broken: shape (n, reasons), bool: all limits that are broken.
        reasons: of the columns of ``broken``.
        value: shape (n,), float64: the number that broke the first limit; nan for none, and for an unwanted language.
        threshold: shape (n,), float64: that limit; nan likewise.
    """

    first: NDArray[np.int64]
    broken: NDArray[np.bool_]
    reasons: tuple[Reason, ...]
    value: NDArray[np.float64]
    threshold: NDArray[np.float64]

    @property
    def passed(self) -> NDArray[np.bool_]:
        """Shape (n,), bool: breaks no limit."""
        return np.asarray(self.first == PASSED, dtype=np.bool_)


@dataclass(frozen=True)
class Policy:
    """The limits that are switched on, in order. ``languages``: the wanted ones, None for all."""

    languages: tuple[str, ...] | None
    rules: tuple[Rule, ...]

    @classmethod
    def from_params(cls, params: CurateParams, cut: float | None) -> "Policy":
        """The policy of a section of parameters.

        Args:
            params: the section ``curate``.
            cut: the calibrated cut of the quality classifier; None if none was trained.
        """
        rules = []
        for reason, parameter in _LIMITS:
            group, name = _group(params, parameter)
            limit = getattr(group, name)
            threshold = cut if limit == "calibrated" else limit
            if threshold is None:
                continue
            scope = group if isinstance(group, RuleGroup) else RuleGroup(languages=None)
            bound, _, column = name.partition("_")
            rules.append(
                Rule(
                    reason=reason,
                    parameter=parameter,
                    column=column,
                    breaks="<" if bound == "min" else ">",
                    threshold=float(threshold),
                    languages=None if scope.languages is None else frozenset(scope.languages),
                    except_languages=frozenset(scope.except_languages),
                )
            )
        if params.contamination.cut:
            left = float(params.length.min_words or 1)
            rules.append(Rule(Reason.CONTAMINATED_REST, "contamination.cut", "clean_words", breaks="<", threshold=left))
        for reason in _UNWANTED:
            kind = reason.value.removeprefix("pii_")
            if params.pii.action(kind) == "drop":
                rules.append(Rule(reason, f"pii.{kind}", column=reason.value, breaks=">", threshold=0.0))
        return cls(None if params.languages is None else tuple(params.languages), tuple(rules))

    @property
    def columns(self) -> list[str]:
        """Columns of the joined sidecars that are read, beside ``language``."""
        return list(dict.fromkeys(rule.column for rule in self.rules))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Reasons in the order in which they are asked."""
        return (Reason.LANGUAGE, *(rule.reason for rule in self.rules))

    def judge(self, numbers: pa.Table) -> Verdicts:
        """Judge n documents.

        Args:
            numbers: the sidecars joined: ``language`` and :attr:`columns`. A missing number (null, nan) breaks nothing.
        """
        count = numbers.num_rows
        language = numbers.column("language")
        broken = np.zeros((count, len(self.rules) + 1), np.bool_, order="F")
        first = np.full(count, PASSED, np.int64)
        value, threshold = np.full(count, np.nan), np.full(count, np.nan)
        if self.languages is not None:
            broken[:, 0] = ~is_one_of(language, self.languages)
            first[broken[:, 0]] = 0
        asked: dict[tuple[object, object], NDArray[np.bool_]] = {}
        for position, rule in enumerate(self.rules, start=1):
            scope = (rule.languages, rule.except_languages)
            if scope not in asked:
                asked[scope] = self.judged(rule, language)
            values = _stored_values(numbers, rule.column)
            breaks = _BREAKS[rule.breaks](values, _as_stored(numbers, rule)) & asked[scope]
            broken[:, position] = breaks
            now = np.flatnonzero(breaks & (first == PASSED))
            first[now], value[now], threshold[now] = position, values[now], rule.threshold
        return Verdicts(first, broken, self.reasons, value, threshold)

    @staticmethod
    def judged(rule: Rule, language: "pa.ChunkedArray[Any]") -> NDArray[np.bool_]:
        """Shape (n,), bool: whether a rule is asked of documents of these languages."""
        asked = np.ones(len(language), np.bool_)
        if rule.languages is not None:
            asked &= is_one_of(language, sorted(rule.languages))
        if rule.except_languages:
            asked &= ~is_one_of(language, sorted(rule.except_languages))
        return asked


def is_one_of(values: "pa.ChunkedArray[Any]", allowed: tuple[str, ...] | list[str]) -> NDArray[np.bool_]:
    """Shape (n,), bool: membership; null is a member of nothing. Strings, or a dictionary array of them."""
    wanted = pa.array(allowed, pa.string())
    if not pa.types.is_dictionary(values.type):
        return np.asarray(pc.is_in(values, value_set=wanted).to_numpy(), dtype=np.bool_)
    inside = [np.empty(0, np.bool_)]
    for chunk in values.chunks:
        members = pc.is_in(chunk.dictionary, value_set=wanted).to_numpy(zero_copy_only=False)
        inside.append(np.append(members, False)[chunk.indices.fill_null(len(members)).to_numpy()])
    return np.concatenate(inside)


def column_values(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A numeric column as float64, null as nan."""
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)


def _stored_values(table: pa.Table, name: str) -> NDArray[Any]:
    """A numeric column as it is stored, without a copy; as :func:`column_values` where a number is missing."""
    column = table.column(name)
    return column_values(table, name) if column.null_count else np.asarray(column.to_numpy())


def _as_stored(numbers: pa.Table, rule: Rule) -> float:
    """The threshold at the precision of its column, so that a stored 0.2 is not above a limit of 0.2."""
    return (
        float(np.float32(rule.threshold))
        if pa.types.is_float32(numbers.schema.field(rule.column).type)
        else rule.threshold
    )


def _group(params: CurateParams, path: str) -> tuple[object, str]:
    """The object that holds a parameter, and the parameter's name in it."""
    group: object = params
    *groups, name = path.split(".")
    for part in groups:
        group = getattr(group, part)
    return group, name
