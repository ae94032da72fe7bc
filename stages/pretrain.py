"""Pretrain: token shards in, a model folder out that transformers opens.

``python -m stages.pretrain`` starts as many processes as runtime.yaml asks for. Started by ``torchrun`` or ``accelerate
launch`` it is one of theirs.
"""

import json
import os
import sys
from pathlib import Path

import xxhash

from bessemer.config.pretrain import PretrainParams
from bessemer.model.card import Lineage, read_shares
from bessemer.model.export import export_model
from bessemer.reporting.report import StageReport, read_report
from bessemer.shards import directory_digest
from bessemer.stage import RANK_ENVIRONMENT, RECORD_ENVIRONMENT, StageContext, run_stage
from bessemer.tokenizer.encode import tokenizer_digest
from bessemer.tokens.arrange import arrange
from bessemer.tokens.directory import DOCUMENTS, verify_tokens
from bessemer.tokens.stream import TokenStream
from bessemer.training.checkpoint import checkpoint_digest
from bessemer.training.combinations import require_possible
from bessemer.training.launch import launch
from bessemer.training.metrics import read_metrics
from bessemer.training.report import final_loss, last_validation, read_outcome, report_training
from bessemer.training.run import Places, Trained, pretrain
from bessemer.training.topology import launched, planned_processes, planned_strategy
from stages import layout


def main(context: StageContext) -> StageReport:
    params: PretrainParams = context.section
    digests = input_digests(context.root)
    places = places_of(context, digests)
    launching = needs_launch(context)
    if is_first():
        verify_tokens(places.train)
        verify_tokens(places.validation)
        arrange(TokenStream(places.train), params, places.scratch)  # refuses what cannot be, and makes indexes
    if launching:
        processes = planned_processes(context.runtime.distributed)
        launch(context.module, processes, root=context.root, grace_s=context.runtime.grace_s, record=context.record)
        return read_report(context.root / layout.REPORTS / context.name)

    runtime = context.runtime
    trained = pretrain(places, params, runtime.distributed, context.progress, grace_s=runtime.grace_s)
    if not trained.topology.is_main:
        sys.exit(0)
    export(context, trained, places, digests)
    note_outcome(context, places.scratch)
    return report_training(places.scratch, params, digests)


def needs_launch(context: StageContext) -> bool:
    """Whether processes have to be started; what cannot work is refused before that."""
    if launched():
        return False
    runtime = context.runtime.distributed
    processes = planned_processes(runtime)
    strategy = planned_strategy(runtime, processes)
    require_possible(context.section, runtime, strategy, processes, local=processes)
    return strategy != "none"


def is_first() -> bool:
    """Whether this process is the first of the stage: the only one, the one that starts ranks, or another's rank 0."""
    return RECORD_ENVIRONMENT not in os.environ and os.environ.get(RANK_ENVIRONMENT, "0") == "0"


def input_digests(root: Path) -> dict[str, str]:
    """Digests of everything that the model is made from."""
    return {
        "tokens_train": directory_digest(root / layout.TOKENS_TRAIN),
        "tokens_val": directory_digest(root / layout.TOKENS_VAL),
        "tokenizer": tokenizer_digest(root / layout.TOKENIZER),
    }


def places_of(context: StageContext, digests: dict[str, str]) -> Places:
    """Folders of the run. What is in its scratch folder can be continued: it is named by data, parameters and code.

    So it is by the checkpoint of another run that this one starts from.

    Raises:
        ConfigError: there is no such checkpoint.
    """
    root, source = context.root, context.runtime.resume_from
    origin = [] if source is None else [checkpoint_digest(root / source)]
    identity = json.dumps([context.identity, digests, *origin], sort_keys=True)
    return Places(
        train=root / layout.TOKENS_TRAIN,
        validation=root / layout.TOKENS_VAL,
        scratch=root / layout.SCRATCH / xxhash.xxh3_128_hexdigest(identity.encode()),
        extensions=root / context.runtime.cache_dir / "torch_extensions",
        tokenizer=root / layout.TOKENIZER,
        resume_from=None if source is None else root / source,
    )


def export(context: StageContext, trained: Trained, places: Places, digests: dict[str, str]) -> None:
    """Write the model folder with its card."""
    shares, languages = read_shares(places.train / DOCUMENTS)
    rows, outcome = read_metrics(places.scratch), read_outcome(places.scratch)
    training: dict[str, int | float | str] = {
        "steps": outcome["steps"],
        "tokens": outcome["tokens"],
        "train_loss": final_loss(rows),
        "precision": outcome["precision"],
    }
    validation = last_validation(rows)
    if validation is not None:
        training["val_bits_per_byte"] = validation
    if outcome["continued_from"]:
        training["continued_from"] = outcome["continued_from"]
    lineage = Lineage(
        sources=shares,
        languages=languages,
        digests=digests,
        parameters={context.name: context.section.model_dump(mode="json")},
        training=training,
    )
    found = export_model(
        trained.model.config,
        trained.weights,
        context.root / layout.TOKENIZER,
        context.root / layout.MODEL,
        lineage=lineage,
    )
    context.record.note("export", {"family": found.family, "largest_logit_difference": found.largest_difference})


def note_outcome(context: StageContext, scratch: Path) -> None:
    """Keep what was resolved and measured in the run record."""
    for key, value in read_outcome(scratch)["volatile"].items():
        context.record.note(key, value)
    context.record.note("scratch", scratch.relative_to(context.root).as_posix())


if __name__ == "__main__":
    run_stage("pretrain", main, pretrain=PretrainParams)
