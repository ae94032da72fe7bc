"""How to load a released model: sections of its card, which tests run as they stand."""

from collections.abc import Sequence

_TRANSFORMERS = """```python
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "{folder}"  # where this card lies
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
prompt = [model.config.bos_token_id, *tokenizer("It is a truth", add_special_tokens=False).input_ids]
print(tokenizer.decode(model.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=True)[0]))
```"""

_SENTENCEPIECE = """```python
import torch
from sentencepiece import SentencePieceProcessor
from transformers import AutoModelForCausalLM

folder = "{folder}"  # where this card lies
pieces = SentencePieceProcessor(model_file=f"{{folder}}/tokenizer.model")
model = AutoModelForCausalLM.from_pretrained(folder)
prompt = [model.config.bos_token_id, *pieces.encode("It is a truth")]
written = model.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=True)[0].tolist()
print(pieces.decode([token for token in written if token < pieces.vocab_size()]))
```"""


def loading(folder: str, files: Sequence[str]) -> list[str]:
    """With transformers, and with SentencePiece where its model is among the files."""
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    parts = ["## Use", _TRANSFORMERS.format(folder=quoted)]
    if "tokenizer.model" in files:
        parts += ["The same with SentencePiece, which gives the same ids:", _SENTENCEPIECE.format(folder=quoted)]
    return parts
