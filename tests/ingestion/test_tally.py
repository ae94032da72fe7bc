"""Tallies: sums that do not depend on the order of the jobs."""

import json
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.documents import document_id
from bessemer.ingestion.documents import Document
from bessemer.ingestion.tally import LENGTH_EDGES, Tally, merge_tallies
from bessemer.readers.records import Reason, Skip, Skipped, Unreadable


def document(number: int, size: int) -> Document:
    identity = document_id("s", str(number))
    row = {"id": identity, "text": "x", "source": "s", "url": None, "date": None, "license": None, "meta": "{}"}
    return Document(row, size, str(number), None)


@given(sizes=st.lists(st.integers(1, 2**31), min_size=1, max_size=60), jobs=st.integers(1, 5), seed=st.integers(0, 9))
def test_however_the_work_is_divided_the_sum_is_the_same(sizes: list[int], jobs: int, seed: int) -> None:
    whole = Tally("s")
    parts = [Tally("s") for _ in range(jobs)]
    for number, size in enumerate(sizes):
        for tally in (whole, parts[number % jobs]):
            tally.add_documents([document(number, size)], keep=5, seed=1)
            tally.add_skipped(Skipped(Skip.BLANK_LINE))
            tally.add_unreadable(Unreadable(f"{number}", Reason.CORRUPT, "d", size=3, records=2), "file")
    dumps = [json.loads(json.dumps(part.dump())) for part in parts]
    random.Random(seed).shuffle(dumps)
    assert merge_tallies(dumps, keep=5)["s"].dump() == whole.dump()
    assert whole.read == len(sizes) * 4
    assert whole.lengths == np.histogram(np.minimum(sizes, 2**30), LENGTH_EDGES)[0].tolist()
