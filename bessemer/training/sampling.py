"""Short texts written by the model while it trains, to read what the numbers mean: always the same beginnings.

Every process makes the same forward passes and draws the same tokens, so that sharded weights are gathered by all.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from bessemer.config.pretrain import SampleParams
from bessemer.errors import ConfigError

TOKENIZER = "tokenizer.json"


class Prompts:
    """Beginnings, and how they are continued."""

    def __init__(self, folder: Path, params: SampleParams, *, start: int, end: int, context: int, seed: int) -> None:
        """Encode the beginnings.

        Args:
            folder: of the tokenizer.
            params: beginnings, tokens to add, temperature.
            start: token that a document begins after.
            end: token that ends it.
            context: longest sequence.
            seed: of the draws; the global random state is not used.

        Raises:
            ConfigError: there is no tokenizer in the folder.
        """
        path = folder / TOKENIZER
        if not path.is_file():
            raise ConfigError(f"{path} is missing, and pretrain.samples needs it; run the stage `tokenizer`.")
        self._tokenizer = Tokenizer.from_file(str(path))
        self._params, self._end, self._context, self._seed = params, end, context, seed
        self._begin = [
            [start, *self._tokenizer.encode(prompt, add_special_tokens=False).ids][-(context - 1) :]
            for prompt in params.prompts
        ]

    def write(self, next_logits: Callable[[Tensor], Tensor], device: torch.device) -> list[dict[str, str]]:
        """One text for each beginning: the same for the same weights.

        Args:
            next_logits: logits (vocabulary) of the token after those of shape (1, length).
            device: of the tokens.
        """
        found = []
        for number, (prompt, tokens) in enumerate(zip(self._params.prompts, self._begin, strict=True)):
            generator = torch.Generator().manual_seed(self._seed + number)
            written = list(tokens)
            for _ in range(min(self._params.new_tokens, self._context - len(tokens))):
                logits = next_logits(torch.tensor([written], device=device))
                token = self._draw(logits.float().cpu(), generator)
                if token == self._end:
                    break
                written.append(token)
            text = self._tokenizer.decode(written[len(tokens) :], skip_special_tokens=True)
            found.append({"prompt": prompt, "text": text})
        return found

    def _draw(self, logits: Tensor, generator: torch.Generator) -> int:
        if self._params.temperature == 0.0:
            return int(logits.argmax())
        chances = (logits / self._params.temperature).softmax(dim=-1)
        return int(torch.multinomial(chances, 1, generator=generator))
