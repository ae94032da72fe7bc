"""Weights to a folder that transformers, vLLM and llama.cpp open without remote code and without Bessemer.

With q/k norm the folder is a Qwen3 model, without it a Llama model: the same tensors under the same names. Before the
folder takes its place, it is loaded as any user would and its logits are compared with the training model's.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaConfig,
    PreTrainedConfig,
    Qwen3Config,
)

from bessemer.errors import DataError
from bessemer.model.card import Lineage, model_card
from bessemer.model.config import BessemerConfig
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.precision import Precision
from bessemer.shards import write_bytes

TOLERANCE = 1e-4
"""Largest accepted difference of a logit, of the largest logit: fp32 rounding in two orders of the same sums."""

_DTYPES: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
_TIED = "lm_head.weight"
_MAX_FILE = "5GB"


@dataclass(frozen=True)
class ExportCheck:
    """What the comparison with the training model found.

    Attributes:
        family: ``qwen3`` or ``llama``.
        parameters: stored numbers, a tied output layer counted once.
        largest_difference: of any logit, absolute.
        largest_logit: absolute.
        tokens: compared positions.
    """

    family: str
    parameters: int
    largest_difference: float
    largest_logit: float
    tokens: int


def plain_config(config: BessemerConfig) -> PreTrainedConfig:
    """The configuration of transformers' own Qwen3 or Llama with the same sizes."""
    shared: dict[str, Any] = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "hidden_act": config.hidden_act,
        "max_position_embeddings": config.max_position_embeddings,
        "initializer_range": config.initializer_range,
        "rms_norm_eps": config.rms_norm_eps,
        "tie_word_embeddings": config.tie_word_embeddings,
        "rope_parameters": dict(config.rope_parameters or {}),
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_id,
        "pad_token_id": config.pad_token_id,
    }
    if config.qk_norm:
        return Qwen3Config(architectures=["Qwen3ForCausalLM"], **shared)
    return LlamaConfig(architectures=["LlamaForCausalLM"], **shared)


def export_model(
    config: BessemerConfig,
    weights: Mapping[str, Tensor],
    tokenizer: Path,
    directory: Path,
    *,
    lineage: Lineage,
    precision: Precision = "fp32",
) -> ExportCheck:
    """Write ``directory``: configuration, safetensors, generation settings, tokenizer and model card.

    Args:
        config: of the training model.
        weights: its state dict on the CPU, fp32.
        tokenizer: folder whose files are copied.
        directory: replaced as a whole, and only by a folder that has passed the comparison.
        lineage: what the model was made from, for the card.
        precision: of the stored weights.

    Raises:
        DataError: a weight is not finite, the tokenizer has more tokens than the model, or the written model does not
            compute what the training model computes.
    """
    broken = sorted(name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all()))
    if broken:
        raise DataError(
            f"{directory}: {', '.join(broken[:3])} has values that are not finite; use an older checkpoint."
        )
    stored = {
        name: tensor.detach().to(_DTYPES[precision]).contiguous()
        for name, tensor in sorted(weights.items())
        if not (config.tie_word_embeddings and name == _TIED)
    }
    beside = directory.with_name(f".{directory.name}.saving")
    _write(beside, config, stored, tokenizer, lineage, precision)
    tokens = len(AutoTokenizer.from_pretrained(beside, local_files_only=True))
    if tokens > config.vocab_size:
        raise DataError(
            f"{tokenizer} has {tokens:,} tokens, the embedding only {config.vocab_size:,} rows; nothing was exported. "
            "Train with the tokenizer that the shards were made with."
        )
    check = compare(config, stored, beside)
    if not check.largest_difference <= TOLERANCE * max(1.0, check.largest_logit):
        raise DataError(
            f"{directory}: the exported {check.family} model differs from the training model by up to "
            f"{check.largest_difference:.3g} in a logit; nothing was exported. Please report it with config.json."
        )
    shutil.rmtree(directory, ignore_errors=True)
    beside.rename(directory)
    return check


def _write(
    folder: Path,
    config: BessemerConfig,
    weights: dict[str, Tensor],
    tokenizer: Path,
    lineage: Lineage,
    precision: Precision,
) -> None:
    """The files of the model, in a folder of its own that nobody reads yet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_torch_state_dict(weights, folder, max_shard_size=_MAX_FILE)
    for file in folder.iterdir():
        file.chmod(0o644)
    plain = plain_config(config)
    plain.dtype = _DTYPES[precision]
    plain.save_pretrained(folder)
    _generation_config(config).save_pretrained(folder)
    for file in sorted(path for path in tokenizer.iterdir() if path.is_file() and not path.name.startswith(("_", "."))):
        shutil.copyfile(file, folder / file.name)
    write_bytes(folder / "README.md", model_card(config, plain.model_type, precision, lineage).encode())


def compare(config: BessemerConfig, weights: Mapping[str, Tensor], folder: Path, *, rows: int = 2) -> ExportCheck:
    """Logits of the folder, loaded by transformers alone, against those of the training model, in fp32.

    Args:
        config: of the training model.
        weights: stored tensors, any float dtype; a tied output layer may be missing.
        folder: what was written.
        rows: random sequences of up to 256 tokens that are compared.
    """
    training = training_model(config, {name: tensor.float() for name, tensor in weights.items()})
    plain = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    plain.eval()
    length = min(256, config.max_position_embeddings)
    tokens = torch.randint(config.vocab_size, (rows, length), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = training(input_ids=tokens, use_cache=False).logits
        found = plain(input_ids=tokens, use_cache=False).logits
    return ExportCheck(
        family=plain.config.model_type,
        parameters=sum(tensor.numel() for tensor in weights.values()),
        largest_difference=float((found - expected).abs().max()),
        largest_logit=float(expected.abs().max()),
        tokens=rows * length,
    )


def training_model(config: BessemerConfig, weights: Mapping[str, Tensor]) -> BessemerForCausalLM:
    """The training model over given tensors, which it shares and does not copy; in evaluation mode.

    Raises:
        DataError: tensors are missing or have other names or shapes.
    """
    with torch.device("meta"):
        model = BessemerForCausalLM(config)
    tensors = dict(weights)
    if config.tie_word_embeddings:
        tensors.setdefault(_TIED, tensors["model.embed_tokens.weight"])
    try:
        model.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        raise DataError(f"the weights do not fit the configuration of the model: {error}") from None
    model.tie_weights()
    model.eval()
    return model


def _generation_config(config: BessemerConfig) -> GenerationConfig:
    """Start and end tokens, and nothing that would make generation random unasked."""
    return GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
