"""The exported folder: a plain Qwen3 or Llama model that computes exactly what was trained, or nothing at all."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, Qwen3ForCausalLM

from bessemer.errors import DataError
from bessemer.model import export
from bessemer.model.card import Lineage, SourceShare
from bessemer.model.export import export_model, plain_config
from bessemer.model.modeling import BessemerForCausalLM
from tests.model.builders import random_tokens, small_model
from tests.model.folders import VOCABULARY, tokenizer_folder

LINEAGE = Lineage(
    sources=[SourceShare("prose | verse", 12, 3456, 789)],
    languages=["en", "fr"],
    digests={"tokens": "ab" * 16},
    parameters={"pretrain": {"tokens": 1000}},
    training={"steps": 10, "final loss": 3.25},
)


def trained(**changes: object) -> BessemerForCausalLM:
    """A model none of whose weights is where it began, norms included."""
    model = small_model(vocabulary=VOCABULARY, **changes)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_folder(tmp_path_factory.mktemp("tokenizer"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("qk_norm", "family"), [(True, Qwen3ForCausalLM), (False, LlamaForCausalLM)])
def test_logits_of_the_folder_are_those_of_the_training_model(
    tmp_path: Path, tokenizer: Path, qk_norm: bool, family: type, tied: bool, precision: export.Precision
) -> None:
    model = trained(qk_norm=qk_norm, tie_embeddings=tied)
    folder = tmp_path / "model"
    check = export_model(model.config, model.state_dict(), tokenizer, folder, lineage=LINEAGE, precision=precision)
    plain = AutoModelForCausalLM.from_pretrained(folder)
    assert type(plain) is family
    assert plain.dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    assert check.parameters == sum(parameter.numel() for parameter in plain.parameters())
    with torch.no_grad():
        rounded = {name: tensor.to(plain.dtype).float() for name, tensor in model.state_dict().items()}
        model.load_state_dict(rounded)
        tokens = random_tokens(2, 64, seed=3)
        difference = (plain.float()(tokens).logits - model(tokens).logits).abs().max()
    print(f"largest difference of a logit: {difference:.3g} of {check.largest_logit:.3g}")
    assert float(difference) <= 1e-5 * check.largest_logit
    assert check.largest_difference <= 1e-5 * check.largest_logit


SCALED = [
    {"name": "linear", "factor": 4.0},
    {"name": "llama3", "factor": 4.0, "original_context": 16},
    {"name": "yarn", "factor": 4.0, "original_context": 16, "beta_fast": 2.0, "beta_slow": 0.5},
]


@pytest.mark.parametrize("scaling", SCALED, ids=lambda scaling: str(scaling["name"]))
@pytest.mark.parametrize(("qk_norm", "kv_heads"), [(True, 1), (False, 2), (False, 4)])
def test_stretched_rotary_positions_and_every_grouping_of_heads_survive_the_export(
    tmp_path: Path, tokenizer: Path, scaling: dict[str, object], qk_norm: bool, kv_heads: int
) -> None:
    model = trained(qk_norm=qk_norm, kv_heads=kv_heads, rope_scaling=scaling)
    folder = tmp_path / "model"
    export_model(model.config, model.state_dict(), tokenizer, folder, lineage=LINEAGE)
    assert json.loads((folder / "config.json").read_text())["rope_parameters"]["rope_type"] == scaling["name"]
    plain, usual = AutoModelForCausalLM.from_pretrained(folder), trained(qk_norm=qk_norm, kv_heads=kv_heads)
    tokens = random_tokens(2, 64, seed=3)
    with torch.no_grad():
        expected, found, other = (each(tokens, use_cache=False).logits for each in (model, plain, usual))
    largest = float(expected.abs().max())
    assert float((found - expected).abs().max()) <= 1e-5 * largest
    assert float((other - expected).abs().max()) > 1e-2 * largest


OUTSIDER = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

facts = {}
for folder in map(Path, sys.argv[2:]):
    model, loading = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False, output_loading_info=True)
    with torch.no_grad():
        np.save(folder.with_suffix(".npy"), model(torch.tensor(json.loads(sys.argv[1]))).logits.numpy())
    tokens = AutoTokenizer.from_pretrained(folder)("It is", return_tensors="pt", add_special_tokens=False)
    written = model.generate(**tokens, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    strays = [key for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in loading[kind]]
    facts[folder.name] = {"class": type(model).__name__, "strays": strays, "written": written[0].tolist()}
assert not [name for name in sys.modules if name.split(".")[0] == "bessemer"]
print(json.dumps(facts))
"""


def test_a_process_without_bessemer_computes_the_same_logits_for_both_families_tied_and_untied(
    tmp_path: Path, tokenizer: Path
) -> None:
    models = {}
    for qk_norm, tied in ((True, True), (True, False), (False, True), (False, False)):
        name = f"{'Qwen3' if qk_norm else 'Llama'}-{'tied' if tied else 'untied'}"
        model = models[name] = trained(qk_norm=qk_norm, tie_embeddings=tied)
        export_model(model.config, model.state_dict(), tokenizer, tmp_path / name, lineage=LINEAGE)
    tokens = random_tokens(2, 64, seed=3)
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDER, json.dumps(tokens.tolist()), *(str(tmp_path / name) for name in models)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    for name, model in models.items():
        with torch.no_grad():
            expected = model(tokens).logits.numpy()
            prompt = torch.tensor([facts[name]["written"][:5]])
            written = model.generate(prompt, max_new_tokens=4, min_new_tokens=4, do_sample=False)
        difference = float(np.abs(np.load(tmp_path / f"{name}.npy") - expected).max())
        print(f"{name}: largest difference of a logit {difference:.3g} of {np.abs(expected).max():.3g}")
        assert difference <= 1e-5 * np.abs(expected).max()
        assert facts[name] == {
            "class": f"{name.split('-')[0]}ForCausalLM",
            "strays": [],
            "written": written[0].tolist(),
        }


def test_a_folder_that_would_compute_something_else_never_takes_its_place(
    tmp_path: Path, tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained()
    folder = tmp_path / "model"
    export_model(model.config, model.state_dict(), tokenizer, folder, lineage=LINEAGE)
    before = (folder / "config.json").read_bytes()

    def with_other_positions(config: object) -> object:
        plain = plain_config(config)  # type: ignore[arg-type]
        plain.rope_parameters = {"rope_type": "default", "rope_theta": 123.0}
        return plain

    monkeypatch.setattr(export, "plain_config", with_other_positions)
    with pytest.raises(DataError, match="differs from the training model by up to"):
        export_model(model.config, model.state_dict(), tokenizer, folder, lineage=LINEAGE)
    assert (folder / "config.json").read_bytes() == before


def test_one_row_of_zeros_in_a_stored_matrix_is_found_by_the_comparison(tmp_path: Path, tokenizer: Path) -> None:
    model = trained()
    export_model(model.config, model.state_dict(), tokenizer, tmp_path / "model", lineage=LINEAGE)
    path = tmp_path / "model" / "model.safetensors"
    stored = load_file(path)
    damaged = {name: tensor.clone() for name, tensor in stored.items()}
    damaged["model.layers.1.mlp.down_proj.weight"][5] = 0.0
    save_file(damaged, path, metadata={"format": "pt"})
    check = export.compare(model.config, stored, tmp_path / "model")
    assert check.largest_difference > 10 * export.TOLERANCE * max(1.0, check.largest_logit)


def test_weights_that_are_not_finite_are_named_and_not_exported(tmp_path: Path, tokenizer: Path) -> None:
    model = trained()
    weights = model.state_dict()
    weights["model.layers.1.mlp.up_proj.weight"][3, 4] = float("nan")
    with pytest.raises(DataError, match=r"model\.layers\.1\.mlp\.up_proj\.weight has values that are not finite"):
        export_model(model.config, weights, tokenizer, tmp_path / "model", lineage=LINEAGE)
    assert not (tmp_path / "model").exists()


def test_a_tokenizer_with_more_tokens_than_the_embedding_has_rows_is_refused(tmp_path: Path, tokenizer: Path) -> None:
    model = small_model(vocabulary=128)
    with pytest.raises(DataError, match="has 260 tokens, the embedding only 128 rows"):
        export_model(model.config, model.state_dict(), tokenizer, tmp_path / "model", lineage=LINEAGE)
    assert not (tmp_path / "model").exists()


def test_missing_weights_are_a_sentence(tmp_path: Path, tokenizer: Path) -> None:
    model = trained()
    weights = {name: tensor for name, tensor in model.state_dict().items() if "k_norm" not in name}
    with pytest.raises(DataError, match="do not fit the configuration"):
        export_model(model.config, weights, tokenizer, tmp_path / "model", lineage=LINEAGE)


def test_the_same_weights_give_the_same_bytes(tmp_path: Path, tokenizer: Path) -> None:
    model = trained()
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        export_model(model.config, model.state_dict(), tokenizer, folder, lineage=LINEAGE)
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]


def test_a_large_model_is_stored_in_parts(tmp_path: Path, tokenizer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_MAX_FILE", "100KB")
    model = trained()
    export_model(model.config, model.state_dict(), tokenizer, tmp_path / "model", lineage=LINEAGE)
    assert len(list((tmp_path / "model").glob("*.safetensors"))) > 1
    assert (tmp_path / "model" / "model.safetensors.index.json").exists()


def test_the_card_says_what_the_model_was_made_from_and_nothing_of_the_machine(tmp_path: Path, tokenizer: Path) -> None:
    model = trained()
    export_model(model.config, model.state_dict(), tokenizer, tmp_path / "model", lineage=LINEAGE)
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters" in card
    for fact in ("ab" * 16, r"prose \| verse", "3,456", "789", "- fr", "tokens: 1000", "3.25"):
        assert fact in card
    assert str(tmp_path) not in card
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["model_type"] == "qwen3"
    assert "auto_map" not in config
    assert AutoTokenizer.from_pretrained(tmp_path / "model")("ab").input_ids
