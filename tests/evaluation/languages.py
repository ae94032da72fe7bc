"""Models whose answers are known: one that guesses, one that knows a text by heart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from bessemer.evaluation.scorer import LanguageModel
from tests.model.folders import END, VOCABULARY, byte_tokenizer

CPU = torch.device("cpu")


def wrap(model: Any, *, context: int = 64) -> LanguageModel:
    """A model over bytes, in fp32."""
    return LanguageModel(model, byte_tokenizer(), CPU, "fp32", start=END, context=context)


def gpt2(*, context: int = 64, seed: int = 0) -> GPT2LMHeadModel:
    """Another architecture than Bessemer's, with learned positions and weights large enough to matter."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=context,
        n_embd=32,
        n_layer=2,
        n_head=2,
        initializer_range=0.4,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=3,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    return GPT2LMHeadModel(config).eval()


def folder_of(model: GPT2LMHeadModel, folder: Path) -> Path:
    """Model and tokenizer as a user would save them."""
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


class Guesser(nn.Module):
    """Every token is as likely as every other."""

    config = SimpleNamespace(vocab_size=VOCABULARY, eos_token_id=END)

    def forward(self, input_ids: Tensor, logits_to_keep: int = 0, **_: Any) -> Any:
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, VOCABULARY)[:, -logits_to_keep:])


class ByHeart(nn.Module):
    """Nearly certain of the token that follows the last ``memory`` tokens where they first occur in a text."""

    config = SimpleNamespace(vocab_size=VOCABULARY, eos_token_id=END)

    def __init__(self, tokens: list[int], memory: int) -> None:
        super().__init__()
        self.memory = memory
        self.follows: dict[tuple[int, ...], int] = {}
        for end in range(memory, len(tokens)):
            self.follows.setdefault(tuple(tokens[end - memory : end]), tokens[end])

    def forward(self, input_ids: Tensor, logits_to_keep: int = 0, **_: Any) -> Any:
        logits = torch.zeros(*input_ids.shape, VOCABULARY)
        for row, tokens in enumerate(input_ids.tolist()):
            for column in range(len(tokens)):
                known = self.follows.get(tuple(tokens[max(0, column + 1 - self.memory) : column + 1]))
                if known is not None:
                    logits[row, column, known] = 20.0
        return SimpleNamespace(logits=logits[:, -logits_to_keep:])
