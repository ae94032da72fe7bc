"""datatrove: what `MinhashDedupSignature` computes for each document with its default configuration.

That is 14 buckets of 8 hashes over 5-grams of spaCy's words. Only the two methods that its `run` calls for every
document are timed: reading, writing and sorting are left out.
"""

import tempfile

from datatrove.pipeline.dedup.minhash import MinhashDedupSignature

from benchmarks.peers.serve import Pairs, System, agreement, jaccard, serve

STEP = MinhashDedupSignature(tempfile.gettempdir())


def signature(text: str) -> list[int]:
    """The hashes of all buckets, one after another; none for a text without 5 words."""
    shingles = STEP.get_shingles(text)
    return [value for bucket in STEP.get_signature(shingles) for value in bucket] if shingles.size else []


def sign(texts: list[str]) -> list[list[list[int]]]:
    """The hashes of each text by bucket, as `run` makes them before it writes them."""
    signatures = []
    for text in texts:
        shingles = STEP.get_shingles(text)
        if shingles.size != 0:
            signatures.append(STEP.get_signature(shingles))
    return signatures


def estimate(pairs: Pairs) -> tuple[list[float], list[float]]:
    """Estimated and true similarity of each pair."""
    estimates = [agreement(signature(a), signature(b)) for a, b in pairs]
    shingles = [[STEP.get_shingles(text).ravel().tolist() for text in pair] for pair in pairs]
    return estimates, [jaccard(a, b) for a, b in shingles]


if __name__ == "__main__":
    serve(System(sign, estimate))
