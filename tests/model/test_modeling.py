"""The decoder: what it computes, what a token can see, and that no way of computing it gives something else."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from bessemer.model import attention
from bessemer.model.modeling import BessemerForCausalLM
from tests.model.builders import VOCABULARY, random_tokens, small_model

BACKENDS = ("sdpa", "eager")
LENGTHS = (13, 1, 20, 30)


def document_ids(lengths: tuple[int, ...] = LENGTHS) -> Tensor:
    """One row of documents of these lengths."""
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).unsqueeze(0)


def reference_varlen(
    query: Tensor, key: Tensor, value: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, **options: object
) -> Tensor:
    """What torch's variable-length kernel promises, segment by segment: the oracle for boundaries on a CPU."""
    assert options["window_size"] == (-1, 0)
    assert torch.equal(cu_q, cu_k)
    assert max_q == max_k == int(cu_q.diff().max())
    assert int(cu_q[-1]) == len(query)
    parts = []
    for begin, end in zip(cu_q[:-1].tolist(), cu_q[1:].tolist(), strict=True):
        heads = [tensor[begin:end].transpose(0, 1).unsqueeze(0) for tensor in (query, key, value)]
        mixed = torch.nn.functional.scaled_dot_product_attention(
            *heads, is_causal=True, scale=options["scale"], enable_gqa=True
        )
        parts.append(mixed[0].transpose(0, 1))
    return torch.cat(parts)


@pytest.fixture(params=[*BACKENDS, attention.VARLEN])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each backend that can be judged on a CPU; of the variable-length kernel, everything but the kernel itself."""
    if request.param == attention.VARLEN:
        monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", reference_varlen)
    return str(request.param)


@pytest.mark.parametrize("qk_norm", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_the_initial_loss_is_that_of_guessing(qk_norm: bool, tied: bool) -> None:
    model = small_model(qk_norm=qk_norm, tie_embeddings=tied, init_std=0.02)
    tokens = random_tokens(8, 64)
    loss = float(model(tokens, labels=tokens).loss.detach())
    assert loss == pytest.approx(math.log(VOCABULARY), rel=0.02)


def test_no_token_sees_a_later_one(backend: str) -> None:
    model = small_model(attention=backend).eval()
    tokens = random_tokens(2, 40)
    changed = tokens.clone()
    changed[:, 25] = (changed[:, 25] + 1) % VOCABULARY
    with torch.no_grad():
        before, after = (model(row, use_cache=False).logits for row in (tokens, changed))
    assert torch.equal(before[:, :25], after[:, :25])
    assert not torch.equal(before[:, 25:], after[:, 25:])


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("autocast", [False, True], ids=["fp32", "bf16"])
def test_packed_documents_do_not_see_each_other_at_all(backend: str, autocast: bool, training: bool) -> None:
    model = small_model(attention=backend).train(training)
    ids = document_ids()
    tokens = random_tokens(1, ids.shape[1])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        before = model(tokens, document_ids=ids).logits
        for document in range(len(LENGTHS)):
            inside = ids == document
            changed = torch.where(inside, (tokens + 1) % VOCABULARY, tokens)
            difference = (model(changed, document_ids=ids).logits - before).abs().amax(dim=-1)
            assert float(difference[~inside].max()) == 0.0
            assert float(difference[inside].min()) > 0.0


def test_no_gradient_crosses_from_one_packed_document_to_another(backend: str) -> None:
    model = small_model(attention=backend).train()
    ids = document_ids()
    embedded = model.model.embed_tokens(random_tokens(1, ids.shape[1])).detach().requires_grad_()
    targets = torch.where(ids == 2, random_tokens(1, ids.shape[1], seed=1), -100)
    model(inputs_embeds=embedded, document_ids=ids, shift_labels=targets).loss.backward()
    assert embedded.grad is not None
    reached = embedded.grad.abs().sum(dim=-1)
    assert float(reached[ids != 2].max()) == 0.0
    assert float(reached[ids == 2].min()) > 0.0


def test_a_packed_document_is_computed_as_if_it_were_alone(backend: str) -> None:
    model = small_model(attention=backend).eval()
    tokens, ids = random_tokens(3, sum(LENGTHS)), document_ids().repeat(3, 1)
    ids[1] = 0
    ids[2] = torch.arange(ids.shape[1]) // 7
    with torch.no_grad():
        packed = model(tokens, document_ids=ids).logits
        for row in range(3):
            for document in ids[row].unique():
                inside = ids[row] == document
                alone = model(tokens[row : row + 1, inside], use_cache=False).logits[0]
                torch.testing.assert_close(packed[row, inside], alone, atol=2e-5, rtol=1e-5)


def test_of_a_kernel_that_knows_no_groups_of_heads_keys_are_repeated_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def ungrouped(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: object) -> Tensor:
        assert query.shape == key.shape == value.shape
        assert "enable_gqa" not in options
        return reference_varlen(query, key, value, *rest, **options)

    tokens, ids = random_tokens(1, sum(LENGTHS)), document_ids()
    with torch.no_grad():
        expected = small_model(kv_heads=2)(tokens, document_ids=ids, use_cache=False).logits
        monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", ungrouped)
        monkeypatch.setattr(attention, "_GROUPED", False)
        found = small_model(kv_heads=2, attention=attention.VARLEN)(tokens, document_ids=ids, use_cache=False).logits
    torch.testing.assert_close(found, expected)


def test_a_row_of_one_document_needs_no_mask() -> None:
    assert attention.pack(torch.zeros(2, 8, dtype=torch.int32), "sdpa").mask is None
    assert attention.pack(document_ids(), "sdpa").mask is not None


@pytest.mark.parametrize("also", ["attention_mask", "position_ids", "use_cache"])
def test_what_could_make_packed_documents_leak_is_refused(also: str) -> None:
    tokens = random_tokens(1, 8)
    extra = {also: True if also == "use_cache" else torch.ones(1, 8, dtype=torch.int64)}
    with pytest.raises(ValueError, match="document_ids exclude"):
        small_model()(tokens, document_ids=torch.zeros(1, 8), **extra)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="flex attention is compiled")
def test_flex_attention_keeps_documents_apart_as_sdpa_does() -> None:
    ids = document_ids((60, 4, 64))
    tokens = random_tokens(1, 128)
    sdpa, flex = (small_model(attention=name, context_length=128).eval() for name in ("sdpa", attention.FLEX))
    with torch.no_grad():
        expected = sdpa(tokens, document_ids=ids).logits
        torch.testing.assert_close(flex(tokens, document_ids=ids).logits, expected, atol=2e-5, rtol=1e-5)
        changed = torch.where(ids == 0, (tokens + 1) % VOCABULARY, tokens)
        difference = (flex(changed, document_ids=ids).logits - flex(tokens, document_ids=ids).logits).abs()
    assert float(difference[0, 60:].max()) == 0.0


def test_with_a_cache_the_logits_are_those_of_the_whole_sequence() -> None:
    model = small_model().eval()
    tokens = random_tokens(2, 30)
    with torch.no_grad():
        whole = model(tokens, use_cache=False).logits
        cache, parts = None, []
        for part in tokens.split([7, 1, 1, 12, 9], dim=1):
            output = model(part, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            parts.append(output.logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=2e-5, rtol=1e-5)


def test_generation_writes_what_repeated_reading_would_write_also_in_a_padded_batch() -> None:
    model = small_model().eval()
    prompts = [random_tokens(9).tolist(), random_tokens(4, seed=1).tolist()]
    expected = []
    for prompt in prompts:
        text = list(prompt)
        with torch.no_grad():
            for _ in range(6):
                text.append(int(model(torch.tensor([text]), use_cache=False).logits[0, -1].argmax()))
        expected.append(text[len(prompt) :])
    padded = torch.tensor([prompts[0], [3] * 5 + prompts[1]])
    mask = torch.tensor([[1] * 9, [0] * 5 + [1] * 4])
    written = model.generate(padded, attention_mask=mask, max_new_tokens=6, min_new_tokens=6, do_sample=False)
    wanted = [row for row in expected if 2 not in row]
    assert [row for row in written[:, 9:].tolist() if 2 not in row] == wanted
    assert wanted


def test_labels_are_shifted_here_and_shift_labels_are_not() -> None:
    model = small_model()
    tokens = random_tokens(2, 20)
    shifted = torch.nn.functional.pad(tokens[:, 1:], (0, 1), value=-100)
    by_labels = model(tokens, labels=tokens, return_logits=True)
    by_shifted = model(tokens, shift_labels=shifted)
    oracle = torch.nn.functional.cross_entropy(by_labels.logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    assert by_shifted.logits is None
    torch.testing.assert_close(by_labels.loss, oracle)
    torch.testing.assert_close(by_shifted.loss, oracle)


def test_the_loss_is_the_same_for_any_cut_into_micro_batches() -> None:
    model = small_model()
    tokens, targets = random_tokens(8, 24), random_tokens(8, 24, seed=1)
    targets[0, 3:] = -100
    targets[5] = -100
    count = int((targets != -100).sum())
    found = []
    for sizes in ([8], [4, 4], [1, 2, 5], [1] * 8):
        model.zero_grad()
        losses = []
        for rows, wanted in zip(tokens.split(sizes), targets.split(sizes), strict=True):
            loss = model(rows, shift_labels=wanted, num_items_in_batch=count).loss
            loss.backward()
            losses.append(float(loss.detach()))
        found.append(
            (sum(losses), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
        )
    for loss, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], atol=1e-6, rtol=1e-4)


def test_gradient_checkpointing_changes_no_gradient() -> None:
    tokens, ids = random_tokens(2, 64), document_ids().repeat(2, 1)
    gradients = []
    for checkpointing in (False, True):
        model = small_model().train()
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
            assert all(layer.gradient_checkpointing for layer in model.model.layers)
        model(tokens, document_ids=ids, labels=tokens).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed, atol=0.0, rtol=0.0)


def test_bf16_stays_close_to_fp32() -> None:
    model = small_model(init_std=0.02)
    tokens = random_tokens(4, 64)
    exact = float(model(tokens, labels=tokens).loss)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(tokens, labels=tokens).loss
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters() if parameter.grad is not None)
    assert float(loss) == pytest.approx(exact, abs=5e-3)


def test_one_batch_is_learned_by_heart() -> None:
    model = small_model(init_std=0.02)
    tokens = random_tokens(4, 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    for _ in range(80):
        optimizer.zero_grad()
        loss = model(tokens, document_ids=document_ids((12, 20)).repeat(4, 1), labels=tokens).loss
        loss.backward()
        optimizer.step()
    first_tokens_are_guesses = math.log(VOCABULARY) * 4 / (4 * 31)
    assert float(loss) < first_tokens_are_guesses + 0.05


def test_a_saved_model_comes_back_through_the_auto_classes(tmp_path: Path) -> None:
    model = small_model().eval()
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(again, BessemerForCausalLM)
    assert again.lm_head.weight is again.model.embed_tokens.weight
    tokens = random_tokens(1, 16)
    with torch.no_grad():
        assert torch.equal(again(tokens).logits, model(tokens).logits)


def test_only_the_wanted_logits_are_made() -> None:
    model = small_model().eval()
    tokens = random_tokens(2, 12)
    with torch.no_grad():
        whole = model(tokens, use_cache=False).logits
        torch.testing.assert_close(model(tokens, use_cache=False, logits_to_keep=3).logits, whole[:, -3:])
        chosen = torch.tensor([0, 7])
        torch.testing.assert_close(model(tokens, use_cache=False, logits_to_keep=chosen).logits, whole[:, chosen])


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler on a CPU")
def test_compiled_it_computes_the_same() -> None:
    model = small_model()
    tokens, ids = random_tokens(2, 64), document_ids().repeat(2, 1)
    expected = model(tokens, document_ids=ids, labels=tokens).loss
    compiled = torch.compile(model, fullgraph=True, dynamic=False)
    torch.testing.assert_close(compiled(tokens, document_ids=ids, labels=tokens).loss, expected, atol=1e-5, rtol=1e-5)
