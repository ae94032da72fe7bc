"""rensa: 128 slots over word 5-grams made in Python, as its users make them; full, or sampled by `rho`.

Second argument: `words` (runs of letters and digits), `spaces` (what stands between white space: less work, other
shingles) or `rho` (the sampled sketch, over words). The index has 8 bands and a threshold of 0.8, the setting of the
benchmark that its headline comes from.
"""

import sys

from rensa import RMinHash, RMinHashDigestMatrix, RMinHashLSH

from benchmarks.peers.serve import Pairs, System, agreement, jaccard, serve, word_ngrams

SLOTS, SEED = 128, 42
MODE = sys.argv[2]
BATCH = 20
"""Documents at a time: it is quickest so, as its shingles are Python strings, which more would push out of a cache."""


def ngrams(text: str) -> list[str]:
    """The shingles of a text."""
    return word_ngrams(text, at_spaces=MODE == "spaces")


def sign(texts: list[str]) -> list[RMinHashDigestMatrix]:
    """The signatures of all texts, batch by batch."""
    return [sign_batch(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]


def sign_batch(texts: list[str]) -> RMinHashDigestMatrix:
    """The signatures of some texts."""
    make = RMinHash.digest_matrix_from_token_sets_rho if MODE == "rho" else RMinHash.digest_matrix_from_token_sets
    return make([ngrams(text) for text in texts], SLOTS, SEED)


def estimate(pairs: Pairs) -> tuple[list[float], list[float]]:
    """Estimated and true similarity of each pair."""
    first, second = sign_batch([a for a, _ in pairs]).to_rows(), sign_batch([b for _, b in pairs]).to_rows()
    estimates = [agreement(a, b) for a, b in zip(first, second, strict=True)]
    return estimates, [jaccard(ngrams(a), ngrams(b)) for a, b in pairs]


def find(pairs: Pairs) -> float:
    """Share of pairs whose second text the index flags when it is given both."""
    found = 0
    for a, b in pairs:
        index = RMinHashLSH(threshold=0.8, num_perm=SLOTS, num_bands=8)
        found += index.query_duplicate_flags_matrix_one_shot(sign_batch([a, b]))[1]
    return found / len(pairs)


if __name__ == "__main__":
    serve(System(sign, estimate, find))
