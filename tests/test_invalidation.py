"""One thing changed, only what depends on it runs: on a real line, told by the records of the stages."""

import shutil
from pathlib import Path

import pytest
import yaml

from bessemer.code import import_closure
from tests.checkout import STAGES, Checkout

pytestmark = pytest.mark.long


@pytest.fixture
def line(finished_line: Path, tmp_path: Path) -> Checkout:
    shutil.copytree(finished_line, tmp_path / "checkout", symlinks=True)
    return Checkout(tmp_path / "checkout")


def ran(line: Checkout) -> list[str]:
    line.bessemer("run")
    return line.ran()


def test_a_threshold_of_the_policy_reruns_curate_and_what_follows_only(line: Checkout) -> None:
    line.change({"curate": {"length": {"min_words": 40}}})
    allowed = [*STAGES[STAGES.index("curate") :], "check"]
    found = ran(line)
    assert "curate" in found
    assert set(found) <= set(allowed)


def test_the_vocabulary_reruns_from_the_tokenizer_on(line: Checkout) -> None:
    line.change({"tokenizer": {"vocab_size": 1600}})
    found = ran(line)
    assert {"tokenizer", "shard", "pretrain", "evaluate"} <= set(found)
    assert set(found) <= {"check", *STAGES[STAGES.index("tokenizer") :]}


def test_execution_settings_and_comments_rerun_nothing_but_check(line: Checkout) -> None:
    runtime = yaml.safe_load((line.folder / "runtime.yaml").read_text())
    runtime |= {"workers": 1, "grace_s": 11, "log_level": "warning"}
    runtime["distributed"] |= {"micro_batch": 2}
    (line.folder / "runtime.yaml").write_text(yaml.safe_dump(runtime))
    with (line.folder / "params.yaml").open("a") as file:
        file.write("# a comment\n")
    assert set(ran(line)) <= {"check"}


def test_a_changed_line_of_one_filter_reruns_the_stages_that_are_made_of_it(line: Checkout) -> None:
    changed = Path("bessemer/filters/signals.py")
    path = line.folder / changed
    path.write_text(path.read_text() + '\nSHORTEST = "a line that changes no number"\n')
    made_of_it = {stage for stage in STAGES if changed in import_closure(f"stages.{stage}")}
    assert "quality" in made_of_it
    assert "ingest" not in made_of_it
    assert set(ran(line)) == made_of_it, "equal results stop the cascade"


def test_a_new_file_in_a_source_reruns_the_line_and_reads_only_that_file(line: Checkout) -> None:
    source = line.folder / "data/sample/txt"
    (source / "new.txt").write_text("A new book begins here, and it has words enough to stay in the corpus.\n\n" * 9)
    assert ran(line)[:2] == ["ingest", "language"]
    jobs = line.record("ingest")["jobs"]
    total, cached = (sum(item[name] for item in jobs.values()) for name in ("total", "cached"))
    assert total - cached == 1


def test_the_plan_names_the_field_that_changed(line: Checkout) -> None:
    line.change({"curate": {"length": {"min_words": 40}}})
    said = line.bessemer("plan").stdout
    assert "curate.length.min_words" in said
    assert "20" in said
    assert "40" in said


def test_an_upgraded_library_reruns_the_stages_that_import_it_only(line: Checkout) -> None:
    upgrade = line.folder / "duckdb-99.0.dist-info"
    upgrade.mkdir()
    (upgrade / "METADATA").write_text("Metadata-Version: 2.1\nName: duckdb\nVersion: 99.0\n")
    said = line.bessemer("plan").stdout
    assert "versions.yaml: curate.duckdb" in said
    assert "to 99.0" in said
    assert ran(line) == ["curate"], "equal results stop the cascade"
    assert line.record("curate")["packages"]["duckdb"] == "99.0"
    line.run("dvc", "repro")
    assert ran(line) == [], "nor does anything run twice"
