"""One system to be measured, as a process of its own that answers requests on standard input.

It imports nothing but the standard library and numpy: it runs in the environment of the system. It is given a file of
documents (one JSON string a line), and answers each request, a JSON object on one line, by another:

    {"do": "sign", "documents": n}   signs the first n documents: seconds (CPU and wall), bytes, documents
    {"do": "estimate", "pairs": f}   estimates the similarity of pairs of texts: estimate, truth (of the sets it hashes)
    {"do": "find", "pairs": f}       looks for the second text of each pair with the first in an index: share found
    {"do": "judge", "documents": n, "words": f}
                                     says why each of the first n documents is dropped: reasons, "" if it is kept; f has
                                     the words of each, a list a line; null: the system splits
"""

import gc
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Pairs = Sequence[tuple[str, str]]
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class System:
    """What a system can do.

    Attributes:
        sign: from texts to signatures: of Python strings, or of UTF-8 bytes if ``encoded``.
        estimate: similarity of each pair as the signatures have it, and as the sets that were hashed have it.
        find: share of pairs that the system's own index finds; None if that is not asked of it.
        judge: why each text is dropped, given its words or None; None if that is not asked of it.
        encoded: the texts to sign are given as files have them.
    """

    sign: Callable[[Any], object]
    estimate: Callable[[Pairs], tuple[list[float], list[float]]] | None = None
    find: Callable[[Pairs], float] | None = None
    judge: Callable[[Any, Sequence[list[str]] | None], list[str]] | None = None
    encoded: bool = False


def serve(system: System) -> None:
    """Answer until standard input ends."""
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        texts: list[Any] = [json.loads(line) for line in file]
    sizes = [len(text.encode()) for text in texts]
    if system.encoded:
        texts = [text.encode() for text in texts]
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "sign":
            count = min(request["documents"], len(texts))
            answer: dict[str, Any] = {"bytes": sum(sizes[:count]), "documents": count} | _timed(system, texts[:count])
        elif request["do"] == "judge":
            answer = _judged(system, texts[: request["documents"]], request["words"])
        else:
            with Path(request["pairs"]).open(encoding="utf-8") as file:
                pairs = [(a, b) for a, b in map(json.loads, file)]
            if request["do"] == "estimate":
                assert system.estimate is not None
                estimate, truth = system.estimate(pairs)
                answer = {"estimate": estimate, "truth": truth}
            else:
                assert system.find is not None
                answer = {"found": system.find(pairs)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _judged(system: System, texts: list[Any], path: str | None) -> dict[str, list[str]]:
    assert system.judge is not None
    if path is None:
        return {"reasons": system.judge(texts, None)}
    with Path(path).open(encoding="utf-8") as file:
        words = [json.loads(line) for line in file]
    return {"reasons": system.judge(texts, words[: len(texts)])}


def _timed(system: System, texts: list[Any]) -> dict[str, float]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    system.sign(texts)
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def word_ngrams(text: str, n: int = 5, *, at_spaces: bool = False) -> list[str]:
    """N-grams of lower-case words, joined by spaces.

    Args:
        text: one document.
        n: words of an n-gram; a shorter text is one n-gram.
        at_spaces: a word is what stands between white space, punctuation included, which is quicker to find;
            otherwise it is a run of letters and digits, as this project and datatrove have it.
    """
    words = text.lower().split() if at_spaces else _WORD.findall(text.lower())
    if len(words) < n:
        return [" ".join(words)]
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]


def jaccard(a: Sequence[object], b: Sequence[object]) -> float:
    """Shared elements over all elements of two sets."""
    first, second = set(a), set(b)
    return len(first & second) / len(first | second)


def agreement(a: Sequence[int], b: Sequence[int]) -> float:
    """Share of places in which two signatures agree."""
    return float(np.mean(np.asarray(a) == np.asarray(b)))
