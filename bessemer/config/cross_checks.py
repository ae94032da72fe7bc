"""Bounds between sections of params.yaml, which no section can check alone."""

from collections.abc import Iterator

from bessemer.config.params import Params
from bessemer.errors import ConfigError

_GATED_EARLIER = ("check", "corpus_gate", "pretrain", "evaluate", "model_gate")


def require_consistent(params: Params) -> None:
    """Compare the sections with each other.

    Raises:
        ConfigError: two of them contradict; the first contradiction is named with the way out.
    """
    for problem in problems(params):
        raise ConfigError(f"params.yaml: {problem}")


def problems(params: Params) -> Iterator[str]:
    """Every contradiction, as a sentence."""
    yield from _sources(params)
    threshold = params.curate.duplicates.threshold
    if threshold is not None and threshold < params.dedup.floor:
        yield (
            f"curate.duplicates.threshold ({threshold:g}) is below dedup.floor ({params.dedup.floor:g}), and pairs "
            "below the floor are not stored; raise the one or lower the other."
        )
    if params.curate.classifier.min_classifier_score == "calibrated" and not params.classifier.positives:
        yield (
            "curate.classifier.min_classifier_score is calibrated, but classifier.positives names no source; "
            "name some or set the limit to null."
        )
    stop_words = params.curate.words.min_stop_words
    if stop_words is not None and stop_words > len(set(params.quality.stop_words)):
        yield (
            f"curate.words.min_stop_words ({stop_words}) is more than quality.stop_words has, so nothing could be "
            "kept; name more words or lower the limit."
        )
    trained = params.tokenizer.from_ is None
    if trained and params.pretrain.sequence_length > params.tokenizer.model_max_length:
        yield (
            f"pretrain.sequence_length ({params.pretrain.sequence_length}) is more than tokenizer.model_max_length "
            f"({params.tokenizer.model_max_length}); raise the latter."
        )
    if params.pretrain.validation.tokens < params.pretrain.sequence_length:
        yield (
            f"pretrain.validation.tokens ({params.pretrain.validation.tokens}) is less than one sequence "
            f"({params.pretrain.sequence_length}); raise it."
        )
    yield from _phone_regions(params)
    for check in params.corpus_gate.checks:
        if check.metric.partition(".")[0] in _GATED_EARLIER:
            yield f"corpus_gate.checks: {check.metric} is not known before the gate; move it to model_gate.checks."
    metric = params.model_gate.baseline_metric
    known = {f"reference_{reference.name}_bits_per_byte" for reference in params.evaluate.references}
    if metric.startswith("reference_") and metric not in known:
        yield f"model_gate.baseline_metric: {metric} is of no reference in evaluate.references; name one of those."
    context = params.evaluate.context_tokens
    longest = params.pretrain.model.shape.context_length
    if context is not None and context > longest:
        yield f"evaluate.context_tokens ({context}) is more than the model's context_length ({longest}); lower it."


def _phone_regions(params: Params) -> Iterator[str]:
    from phonenumbers import SUPPORTED_REGIONS

    for region in params.curate.pii.phone_regions:
        if region not in SUPPORTED_REGIONS:
            yield f"curate.pii.phone_regions: {region} is no country with a numbering plan; give ISO 3166-1 codes."


def _sources(params: Params) -> Iterator[str]:
    names = [source.name for source in params.sources]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"sources: {name} is there twice; give each source its own name."
    for side in ("positives", "negatives"):
        for name in getattr(params.classifier, side):
            if name not in names:
                yield f"classifier.{side}: {name} is no source; known: {', '.join(sorted(names))}."
    for place, named in (
        ("tokenizer.source_weights", params.tokenizer.source_weights),
        ("curate.weights.sources", params.curate.weights.sources),
        ("pretrain.mixture", sorted(params.pretrain.mixture.sources)),
    ):
        for name in named:
            if name not in names:
                yield f"{place}: {name} is no source; known: {', '.join(sorted(names))}."
