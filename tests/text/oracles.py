"""What the compiled kernels must equal, one character and one Python integer at a time."""

MASK = (1 << 64) - 1


def slow_mix(value: int) -> int:
    """The finalizer of MurmurHash3 for 64 bits."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = ((value ^ (value >> 33)) * factor) & MASK
    return value ^ (value >> 33)


def slow_word_hash(word: str) -> int:
    """The hash of a word, from the formula in ``bessemer.text.word_hash``."""
    data, value = word.encode(), 0x243F6A8885A308D3
    for start in range(0, len(data), 8):
        value = slow_mix(value ^ int.from_bytes(data[start : start + 8], "little"))
    return value


def slow_shingle_hash(hashes: list[int]) -> int:
    """The hash of an n-gram, from the formula in ``bessemer.text.ngrams``."""
    total = 0
    for value in hashes:
        total = (total * 0x9E3779B97F4A7C15 + value) & MASK
    return slow_mix((total + len(hashes)) & MASK)


def slow_shingles(words: list[str], n: int) -> list[int]:
    """Hashes of a document's n-grams in order; fewer words than n (but any) are one."""
    hashes = [slow_word_hash(word) for word in words]
    if 0 < len(words) < n:
        return [slow_shingle_hash(hashes)]
    return [slow_shingle_hash(hashes[i : i + n]) for i in range(len(hashes) - n + 1)]
