"""The sidecar of languages: second languages, documents of mixed language, another model, the same for any workers."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from bessemer.config.language import LanguageModel, LanguageParams
from bessemer.documents import DOCUMENT_SCHEMA
from bessemer.engine import Job, OutputWriter
from bessemer.errors import DataError
from bessemer.filters.language import MODEL, MODEL_SHA256
from bessemer.shards import read_shard, write_shard
from stages.language import identify_shard

ENGLISH = "All human beings are born free and equal in dignity and rights, and should act in a spirit of brotherhood."
GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren und sollen einander brüderlich begegnen."
TEXTS = [f"{ENGLISH}\n{GERMAN}\n{ENGLISH}", f"{ENGLISH}\n{ENGLISH}", GERMAN, "1 2 3"]


def sidecar(root: Path, params: LanguageParams) -> pa.Table:
    rows = [{"id": f"{number:032x}", "text": text, "source": "s", "meta": "{}"} for number, text in enumerate(TEXTS)]
    write_shard(root / "documents", "one", pa.Table.from_pylist(rows, DOCUMENT_SCHEMA))
    identify_shard(root, root / "documents", params, Job("one", {}), OutputWriter(root / "out"))
    return read_shard(root / "out" / "language", "one")


def test_a_document_in_two_languages_is_marked_with_its_share(tmp_path: Path) -> None:
    table = sidecar(tmp_path, LanguageParams(second_from=0.01))
    assert table.column("language")[:3].to_pylist() == ["en", "en", "de"]
    assert table.column("second_language")[0].as_py() == "de"
    assert table.column("mixed").to_pylist() == [True, False, False, False]
    own = 2 * len(ENGLISH)
    assert table.column("language_share")[0].as_py() == pytest.approx(own / (own + len(GERMAN)), rel=1e-6)
    assert table.column("language_share")[2].as_py() is None


def test_paragraphs_are_looked_at_only_where_a_second_language_is_likely(tmp_path: Path) -> None:
    table = sidecar(tmp_path, LanguageParams(second_from=1.0))
    assert table.column("language_share").null_count == len(TEXTS)
    assert not any(table.column("mixed").to_pylist())


def test_the_share_that_makes_a_document_mixed_is_a_parameter(tmp_path: Path) -> None:
    assert not any(sidecar(tmp_path, LanguageParams(second_from=0.01, mixed_share=0.5)).column("mixed").to_pylist())


def test_another_model_is_taken_if_it_is_the_pinned_one(tmp_path: Path) -> None:
    (tmp_path / "own.ftz").write_bytes(MODEL.read_bytes())
    params = LanguageParams(model=LanguageModel(path="own.ftz", sha256=MODEL_SHA256))
    assert sidecar(tmp_path, params).equals(sidecar(tmp_path, LanguageParams()))
    (tmp_path / "other.ftz").write_bytes(b"another")
    with pytest.raises(DataError, match="SHA-256"):
        sidecar(tmp_path, LanguageParams(model=LanguageModel(path="other.ftz", sha256=MODEL_SHA256)))
    pinned = LanguageModel(path="other.ftz", sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(DataError, match="no fastText model"):
        sidecar(tmp_path, LanguageParams(model=pinned))
