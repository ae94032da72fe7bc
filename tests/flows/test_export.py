"""A release is the model that was judged, opens anywhere, and its card says where it is from and what it is worth."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from transformers import AutoModelForCausalLM, AutoTokenizer

from bessemer.errors import BessemerError, ConfigError, DataError, GateFailed
from flows.export import export
from tests.flows.finished_model import HOSTILE, STAGES, VOCABULARY, FinishedModel, sha256


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FinishedModel:
    """Shared and not to be changed: its release lies in models/release."""
    finished = FinishedModel(tmp_path_factory.mktemp("finished") / "line")
    export(finished.root, finished.root / "models/release")
    return finished


@pytest.fixture
def changed(made: FinishedModel, tmp_path: Path) -> FinishedModel:
    """A copy that a test may change."""
    copy = object.__new__(FinishedModel)
    copy.root, copy.model = Path(shutil.copytree(made.root, tmp_path / "line")), made.model
    return copy


def card_of(finished: FinishedModel) -> str:
    return (finished.root / "models/release/README.md").read_text()


def test_a_release_opens_in_transformers_with_the_logits_of_the_model_that_was_trained(made: FinishedModel) -> None:
    folder = made.root / "models/release"
    plain = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    tokens = torch.tensor([AutoTokenizer.from_pretrained(folder)("iron is a truth").input_ids]) % VOCABULARY
    with torch.inference_mode():
        torch.testing.assert_close(plain(tokens).logits, made.model(tokens).logits, rtol=1e-5, atol=1e-5)


def test_the_ways_to_load_it_that_the_card_shows_work_as_they_stand(
    made: FinishedModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = re.findall(r"```python\n(.*?)```", card_of(made), re.DOTALL)
    assert len(programs) == 2
    monkeypatch.chdir(made.root)
    for program in programs:
        exec(program, {})
        assert "It is a truth" in capsys.readouterr().out


def test_the_head_of_the_card_is_what_the_hub_reads(made: FinishedModel) -> None:
    data = ModelCard.load(made.root / "models/release/README.md").data
    assert (data.library_name, data.pipeline_tag, data.language) == ("transformers", "text-generation", ["en"])
    assert (data.license, "base-model" in data.tags) == ("other", True)
    scores = {result.dataset_name: result for result in data.eval_results}
    assert scores["reference english"].metric_value == 1.5
    assert scores["reference english"].metric_args == {"interval_95": [1.411, 1.649]}


def test_the_card_has_commit_scores_cost_sources_and_limits(made: FinishedModel) -> None:
    card = card_of(made)
    assert f"at commit `{made.git('rev-parse', 'HEAD')}`." in card
    assert "parameter sections that made the model are that commit's" in card
    for fact in (
        "1.411 to 1.649",
        "1 min 40 s",
        "2 min 30 s",
        "CPU hours 0.04 h",
        "raw/a.txt",
        "tokens: 1000",
        "email 3",
    ):
        assert fact in card.replace("\u00a0", " ")
    lock = (made.root / "sources.lock.yaml").read_text()
    digest = re.search(r"xxh3: (\w+)", lock)
    assert digest is not None
    assert digest.group(1) in card
    assert "“validation” it predicts no better than a general compressor" in card
    assert str(made.root) not in card


def test_text_from_the_sources_is_no_markup_on_the_card(made: FinishedModel) -> None:
    html = MarkdownIt("commonmark").enable("table").render(card_of(made).partition("\n---\n")[2])
    assert "<script" not in html
    assert "<b>" not in html
    assert 'href="javascript' not in html
    shown = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    assert shown in html


def test_release_json_has_every_digest_and_the_lineage(made: FinishedModel) -> None:
    folder = made.root / "models/release"
    facts = json.loads((folder / "release.json").read_text())
    names = {path.name for path in folder.iterdir()}
    assert facts["files"] == {name: sha256(folder / name) for name in names - {"README.md", "release.json"}}
    assert [stage["stage"] for stage in facts["lineage"]["stages"]] == list(STAGES)
    assert facts["lineage"]["stages"][STAGES.index("pretrain")]["parameters"] == {
        "pretrain": {"tokens": 1000, "epsilon": 1e-06}
    }
    assert facts["gate"] == "passed"


def test_the_same_inputs_give_the_same_bytes_and_git_does_not_see_them(changed: FinishedModel) -> None:
    folder = changed.root / "models/release"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    export(changed.root, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert changed.git("status", "--porcelain") == ""
    assert sorted(path.name for path in folder.parent.iterdir()) == ["pretrain", "release", "tokenizer"]


def test_code_that_is_not_the_commits_is_named_on_the_card(changed: FinishedModel) -> None:
    (changed.root / "stages/pretrain.py").write_text("steps = 11\n")
    export(changed.root, changed.root / "models/release")
    card = card_of(changed)
    assert "(dirty)" in card
    assert r"differ from it (stages/pretrain.py)" in card


def test_cost_is_that_of_the_run_that_made_the_model(changed: FinishedModel) -> None:
    metrics = json.loads((changed.root / "reports/pretrain/metrics.json").read_text())
    changed.record(
        "pretrain", "made", wall_s=7200.0, cpu_s=3600.0, finished=2.0, notes={"device": "cuda", "processes": 4}
    )
    changed.record("pretrain", "other", wall_s=9.0, finished=3.0)
    changed.record("pretrain", "killed before it kept its metrics", wall_s=8.0, finished=4.0)
    (changed.root / ".runs/made/metrics.json").write_text(json.dumps({"pretrain": metrics}))
    (changed.root / ".runs/other/metrics.json").write_text(json.dumps({"pretrain": {**metrics, "tokens": 5}}))
    export(changed.root, changed.root / "models/release")
    said = card_of(changed).replace("\u00a0", " ")
    assert r"CPU hours 1.00 h, GPU hours 8.00 h, energy 1.6 kWh \(estimated with 12 W for a computing core" in said


def spoil_weights(line: FinishedModel) -> None:
    path = line.root / "models/pretrain/model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def lose_lock(line: FinishedModel) -> None:
    (line.root / "dvc.lock").unlink()


def score_another(line: FinishedModel) -> None:
    line.lock(model="0" * 32)


def change_scores(line: FinishedModel) -> None:
    (line.root / "reports/evaluate/metrics.json").write_text('{"reference_english_bits_per_byte": 0.1}')


def change_texts(line: FinishedModel) -> None:
    (line.root / "data/tokens/train/_manifest.json").write_text("{}")


def lose_texts(line: FinishedModel) -> None:
    (line.root / "data/tokens/train/_manifest.json").unlink()


def no_gate(line: FinishedModel) -> None:
    shutil.rmtree(line.root / "reports/model_gate")


def fail_gate(line: FinishedModel) -> None:
    line.gate(1.4)


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (spoil_weights, DataError, r"models/pretrain is not what pretrain has written"),
        (lose_lock, DataError, r"pretrain has not run to its end here"),
        (score_another, DataError, r"are those of another model"),
        (change_scores, DataError, r"reports/evaluate/metrics\.json is not what evaluate has written"),
        (change_texts, DataError, r"data/tokens/train is not what pretrain has read"),
        (lose_texts, DataError, r"data/tokens/train is not there"),
        (no_gate, DataError, r"model_gate has not judged this model"),
        (fail_gate, GateFailed, r"since bits is 1\.5, the bound is <= 1\.4: good enough"),
    ],
)
def test_what_was_not_made_and_judged_as_it_lies_here_is_refused_in_a_sentence(
    changed: FinishedModel, spoil: object, error: type[BessemerError], sentence: str
) -> None:
    before = card_of(changed)
    spoil(changed)  # type: ignore[operator]
    with pytest.raises(error, match=sentence) as caught:
        export(changed.root, changed.root / "models/release")
    assert "\n" not in str(caught.value)
    assert card_of(changed) == before


def test_a_model_that_failed_its_gate_is_exported_only_when_asked_and_says_so(changed: FinishedModel) -> None:
    fail_gate(changed)
    export(changed.root, changed.root / "models/release", despite_gate=True)
    assert "**This model has not passed its gate" in card_of(changed)


def test_a_folder_with_other_files_is_never_replaced(changed: FinishedModel) -> None:
    with pytest.raises(ConfigError, match="has other files than a release in it"):
        export(changed.root, changed.root / "models/tokenizer")
    assert (changed.root / "models/tokenizer/tokenizer.model").exists()


def test_a_folder_below_a_file_is_refused_in_a_sentence(changed: FinishedModel) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        export(changed.root, changed.root / "models/tokenizer/tokenizer.model/release")
