"""Seeded continuations, to read what the numbers mean."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from bessemer.evaluation.scorer import LanguageModel


class Generation(NamedTuple):
    """A beginning and what the model wrote after it."""

    prompt: str
    text: str
    tokens: int
    ended: bool


def generate(
    lm: LanguageModel,
    prompts: Sequence[str],
    *,
    new_tokens: int,
    seed: int,
    temperature: float = 0.8,
    top_p: float = 0.95,
) -> list[Generation]:
    """One sampled continuation of each prompt; the same for the same seed on the same kind of machine.

    Args:
        lm: the model.
        prompts: beginnings of documents.
        new_tokens: most tokens to add; fewer where the context ends or the model ends the document.
        seed: of the samples; the global random state is left as it was.
        temperature: of the softmax; 0 takes the first choice.
        top_p: probability mass to sample from (Holtzman et al. 2020).
    """
    found = []
    for number, prompt in enumerate(prompts):
        tokens = [lm.start, *lm.encode(prompt)][-(lm.context - 1) :]
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0} if temperature else {}
        with torch.random.fork_rng(devices=[lm.device] if lm.device.type == "cuda" else []):
            torch.manual_seed(seed + number)
            output = lm.model.generate(
                torch.tensor([tokens], device=lm.device),
                attention_mask=torch.ones(1, len(tokens), dtype=torch.int64, device=lm.device),
                max_new_tokens=min(new_tokens, lm.context - len(tokens)),
                **(sampling or {"do_sample": False}),
            )
        new = output[0, len(tokens) :].tolist()
        ended = bool(new) and new[-1] == lm.model.config.eos_token_id
        text = lm.tokenizer.decode(new, skip_special_tokens=True)
        found.append(Generation(prompt, text, len(new), ended))
    return found
