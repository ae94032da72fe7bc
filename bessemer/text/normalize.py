"""The form in which two texts are compared for being the same, and keyed choices made from it."""

import xxhash


def normalized(text: str) -> str:
    """Case folded, every run of white space one space, none at the ends."""
    return " ".join(text.casefold().split())


def text_hash(text: str) -> str:
    """Identity of a text up to case and white space: xxh3-128 of its normalised form, 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(normalized(text).encode())


def keyed(key: str, seed: int, purpose: str) -> int:
    """A 64-bit number that depends on a key, a seed and what it is used for, and on nothing else.

    Args:
        key: for example a document's id or the hash of its text.
        seed: of the parameters; values are taken modulo 2**64.
        purpose: separates choices that must not depend on each other (``"fold"``, ``"sample"``).
    """
    return xxhash.xxh3_64_intdigest(f"{purpose}\0{key}".encode(), seed=seed % (1 << 64))
