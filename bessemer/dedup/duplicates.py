"""Deduplication as a whole: documents in; exact groups and verified pairs out."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bessemer.cache import open_cache
from bessemer.config.dedup import DedupParams
from bessemer.dedup.corpus import Corpus, read_corpus
from bessemer.dedup.exact import ExactGroups, exact_groups
from bessemer.dedup.lsh import banding_for
from bessemer.dedup.near import Near, near_duplicates
from bessemer.dedup.signing import SIGNATURES, sign_corpus
from bessemer.stage import StageContext


@dataclass(frozen=True)
class Duplicates:
    """What was found among the documents, and how many UTF-8 bytes their texts have."""

    corpus: Corpus
    groups: ExactGroups
    near: Near
    bytes: int


def find_duplicates(documents: Path, params: DedupParams, stage: StageContext) -> Duplicates:
    """Sign every shard, group identical documents, find and verify near duplicates.

    Args:
        documents: a shard directory with columns ``id`` and ``text``.
        params: of the stage.
        stage: gives workers and the shard cache, where scratch files lie as well.
    """
    scratch = open_cache(stage.root / stage.runtime.cache_dir, stage.runtime.cache_max_gb).workspace()
    try:
        signatures = scratch / SIGNATURES
        size = sign_corpus(documents, params, banding_for(params), stage, signatures)
        corpus = read_corpus(documents, signatures)
        groups = exact_groups(corpus.ids, corpus.hashes)
        near = near_duplicates(
            params, corpus, groups, documents=documents, signatures=signatures, stage=stage, scratch=scratch
        )
        return Duplicates(corpus, groups, near, size)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
