"""The model card: what a model is and exactly what it was made from, as content only (no clock, host or path)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from bessemer.model.config import BessemerConfig
from bessemer.model.presets import flops_per_token, parameter_count


class SourceShare(NamedTuple):
    """What one source gave to the training tokens."""

    source: str
    documents: int
    bytes: int
    tokens: int


@dataclass(frozen=True)
class Lineage:
    """What a model was made from.

    Attributes:
        sources: shares of the training tokens.
        languages: ISO codes of the training documents, most bytes first.
        digests: name of an input (tokens, tokenizer, …) to the digest of its contents.
        parameters: the sections of params.yaml that shaped it.
        training: facts of the run that repeat when it is repeated (steps, tokens, losses).
    """

    sources: Sequence[SourceShare] = ()
    languages: Sequence[str] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, int | float | str] = field(default_factory=dict)


def read_shares(documents: Path) -> tuple[list[SourceShare], list[str]]:
    """Shares by source, largest first, and languages by bytes, from the ``documents.parquet`` of token shards."""
    table = pq.read_table(documents, columns=["source", "language", "bytes", "tokens"])
    grouped = table.group_by("source").aggregate([("bytes", "count"), ("bytes", "sum"), ("tokens", "sum")])
    shares = [
        SourceShare(row["source"], row["bytes_count"], row["bytes_sum"], row["tokens_sum"])
        for row in grouped.to_pylist()
    ]
    spoken = table.filter(pc.is_valid(table["language"])).group_by("language").aggregate([("bytes", "sum")])
    languages = sorted(spoken.to_pylist(), key=lambda row: (-row["bytes_sum"], row["language"]))
    return sorted(shares, key=lambda share: (-share.tokens, share.source)), [row["language"] for row in languages]


def model_card(config: BessemerConfig, family: str, precision: str, lineage: Lineage) -> str:
    """README.md of the model folder, with the metadata block that the Hugging Face Hub reads.

    Args:
        config: of the training model.
        family: ``qwen3`` or ``llama``.
        precision: of the stored weights.
        lineage: what it was made from.
    """
    head = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "language": list(lineage.languages),
        "tags": ["bessemer", "base-model", family],
    }
    count = parameter_count(config)
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# A {family} base model of {count:,} parameters",
        "Trained from raw text by Bessemer. It continues text; it was not tuned to follow instructions or to be safe, "
        "and it repeats what its sources say, right or wrong.",
        _USE,
        "## Shape",
        _table(("", ""), _shape_rows(config, precision, count)),
    ]
    if lineage.training:
        parts += ["## Training", _table(("", ""), [(name, _shown(value)) for name, value in lineage.training.items()])]
    if lineage.sources:
        rows = [
            (share.source, f"{share.documents:,}", f"{share.bytes:,}", f"{share.tokens:,}") for share in lineage.sources
        ]
        parts += ["## Training text", _table(("source", "documents", "UTF-8 bytes", "tokens"), rows)]
    if lineage.digests:
        rows_of_digests = [(name, f"`{digest}`") for name, digest in sorted(lineage.digests.items())]
        parts += ["## Made from", _table(("input", "digest"), rows_of_digests)]
    if lineage.parameters:
        dumped = yaml.safe_dump(dict(lineage.parameters), sort_keys=False, allow_unicode=True)
        parts += ["## Parameters", f"```yaml\n{dumped}```"]
    return "\n\n".join(parts) + "\n"


_USE = """```python
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "models/pretrain"  # this folder
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
prompt = [model.config.bos_token_id, *tokenizer("It is a truth", add_special_tokens=False).input_ids]
print(tokenizer.decode(model.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=True)[0]))
```"""


def _shape_rows(config: BessemerConfig, precision: str, count: int) -> list[tuple[str, str]]:
    flops = flops_per_token(config, config.max_position_embeddings)
    return [
        ("parameters", f"{count:,} ({precision}, {'tied' if config.tie_word_embeddings else 'untied'} embeddings)"),
        ("layers × width", f"{config.num_hidden_layers} × {config.hidden_size}"),
        (
            "heads",
            f"{config.num_attention_heads} of {config.head_dim}, {config.num_key_value_heads} for keys and values",
        ),
        ("inner width", f"{config.intermediate_size} (SwiGLU)"),
        ("norms", "RMSNorm, also on queries and keys" if config.qk_norm else "RMSNorm"),
        ("positions", f"rotary, {_rotary(config)}, context of {config.max_position_embeddings:,} tokens"),
        ("vocabulary", f"{config.vocab_size:,} rows"),
        ("operations per token", f"{flops.palm:,} (6N + 12LHQT), {flops.causal:,} (6N + 6LHQT), forward and backward"),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _shown(value: int | float | str) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else value


def _rotary(config: BessemerConfig) -> str:
    rope = config.rope
    stretched = "" if rope["rope_type"] == "default" else f", {rope['rope_type']} by {rope['factor']:g}"
    return f"base {rope['rope_theta']:g}{stretched}"
