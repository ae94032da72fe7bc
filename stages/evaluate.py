"""Evaluate: what the model knows of text that it has not seen, beside what a compressor makes of the same bytes."""

from bessemer.config.evaluate import EvaluateParams
from bessemer.evaluation.bits_per_byte import Score, encode, score_documents
from bessemer.evaluation.generate import generate
from bessemer.evaluation.report import Scored, report_evaluation
from bessemer.evaluation.scorer import LanguageModel, count_windows, load
from bessemer.evaluation.tasks import ClozeResult, cloze_items, run_cloze
from bessemer.evaluation.texts import Document, read_reference, read_validation
from bessemer.reporting.report import StageReport
from bessemer.stage import StageContext, run_stage
from bessemer.tokens.directory import DOCUMENTS
from stages import layout


def main(context: StageContext) -> StageReport:
    params: EvaluateParams = context.section
    lm = load(context.root / layout.MODEL, context=params.context_tokens)
    stride = max(1, min(lm.context - 1, round(lm.context * params.stride_fraction)))
    context.record.note("evaluation", {"device": str(lm.device), "precision": lm.precision, "context": lm.context})

    texts = read_texts(context)
    scored = [
        Scored(name, documents, score_texts(context, lm, name, documents, stride)) for name, documents in texts.items()
    ]
    cloze = ask_last_words(context, lm, [document for group in texts.values() for document in group], stride)
    generations = generate(
        lm,
        params.generation.prompts,
        new_tokens=params.generation.new_tokens,
        seed=params.seed,
        temperature=params.generation.temperature,
        top_p=params.generation.top_p,
    )
    return report_evaluation(scored, cloze, generations, context_tokens=lm.context, stride=stride, seed=params.seed)


def read_texts(context: StageContext) -> dict[str, list[Document]]:
    """The reference sets by the name of their metric, then the corpus's own validation documents."""
    params: EvaluateParams = context.section
    texts = {
        f"reference_{item.name}": read_reference(
            context.root / item.path, field=item.field, group_field=item.group_field
        )
        for item in params.references
    }
    validation = context.root / layout.TOKENS_VAL / DOCUMENTS
    texts["validation"] = read_validation(validation, most_tokens=params.validation_tokens)
    return texts


def score_texts(
    context: StageContext, lm: LanguageModel, name: str, documents: list[Document], stride: int
) -> list[Score]:
    """What each document costs the model."""
    sequences = encode(lm, documents)
    with context.progress(name.replace("_", " "), count_windows(lm, sequences, stride), "windows") as bar:
        return score_documents(lm, documents, sequences, stride=stride, advance=bar.advance)


def ask_last_words(context: StageContext, lm: LanguageModel, documents: list[Document], stride: int) -> ClozeResult:
    """Last-word questions on held-out text."""
    params: EvaluateParams = context.section
    items = cloze_items(documents, count=params.cloze.items, context_words=params.cloze.context_words, seed=params.seed)
    with context.progress("last words", len(items), "passages") as bar:
        return run_cloze(lm, items, stride=stride, advance=bar.advance)


if __name__ == "__main__":
    run_stage("evaluate", main, evaluate=EvaluateParams)
