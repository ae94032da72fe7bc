"""params.yaml as one object: everything that a result depends on, one section per stage."""

from pydantic import Field

from bessemer.config.base import Strict
from bessemer.config.classifier import ClassifierParams
from bessemer.config.curate import CurateParams
from bessemer.config.decontaminate import DecontaminateParams
from bessemer.config.dedup import DedupParams
from bessemer.config.evaluate import EvaluateParams, ModelGateParams
from bessemer.config.gates import CorpusGateParams
from bessemer.config.ingest import IngestParams
from bessemer.config.language import LanguageParams
from bessemer.config.pretrain import PretrainParams
from bessemer.config.quality import QualityParams
from bessemer.config.shard import ShardParams
from bessemer.config.sources import Source
from bessemer.config.tokenizer import TokenizerParams


class Params(Strict):
    """The identity of a run."""

    sources: list[Source] = Field(min_length=1, description="where the raw text comes from, in any order")
    ingest: IngestParams = Field(default_factory=IngestParams, description="raw records to documents")
    language: LanguageParams = Field(default_factory=LanguageParams, description="language identification")
    classifier: ClassifierParams = Field(
        default_factory=ClassifierParams, description="the fastText quality classifier"
    )
    quality: QualityParams = Field(default_factory=QualityParams, description="heuristic signals, as numbers")
    dedup: DedupParams = Field(
        default_factory=DedupParams, description="exact groups and verified near-duplicate pairs"
    )
    decontaminate: DecontaminateParams = Field(
        default_factory=DecontaminateParams, description="n-gram overlap with evaluation sets"
    )
    curate: CurateParams = Field(default_factory=CurateParams, description="the policy: numbers to kept or dropped")
    tokenizer: TokenizerParams = Field(default_factory=TokenizerParams, description="the SentencePiece tokenizer")
    shard: ShardParams = Field(default_factory=ShardParams, description="validation split, order and token shards")
    corpus_gate: CorpusGateParams = Field(
        default_factory=CorpusGateParams, description="bounds that a corpus must meet"
    )
    pretrain: PretrainParams = Field(default_factory=PretrainParams, description="the model and its training")
    evaluate: EvaluateParams = Field(default_factory=EvaluateParams, description="what the model is scored on")
    model_gate: ModelGateParams = Field(default_factory=ModelGateParams, description="bounds that a model must meet")
