"""datasketch: 128 permutations over word 5-grams made in Python, in batches with its defaults (affine32, SHA-1)."""

from datasketch import MinHash

from benchmarks.peers.serve import Pairs, System, jaccard, serve, word_ngrams


def sign(texts: list[str]) -> list[MinHash]:
    """A MinHash of each text."""
    sets = ([ngram.encode() for ngram in word_ngrams(text)] for text in texts)
    return list(MinHash.generator(sets, num_perm=128))


def estimate(pairs: Pairs) -> tuple[list[float], list[float]]:
    """Estimated and true similarity of each pair."""
    first, second = sign([a for a, _ in pairs]), sign([b for _, b in pairs])
    estimates = [float(a.jaccard(b)) for a, b in zip(first, second, strict=True)]
    return estimates, [jaccard(word_ngrams(a), word_ngrams(b)) for a, b in pairs]


if __name__ == "__main__":
    serve(System(sign, estimate))
