"""A trial in which the loss of some batches is not a number: started as ``python -m tests.training.spoilt SPEC``.

For each step it notes whether it was applied, and whether a bit of any weight of this process changed.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from bessemer.model.modeling import BessemerForCausalLM
from bessemer.training import loop, run, trial
from bessemer.training.trial import Spec

BAD_BATCHES = (10, 11, 12)
steps: list[tuple[bool, bool]] = []


def main() -> int:
    """Train with the bad batches."""
    spec = Spec.model_validate_json(Path(sys.argv[1]).read_bytes())
    bad = {batch * spec.params.batch_sequences + place for batch in BAD_BATCHES for place in range(8)}
    current = [False]
    collate, forward, build = loop.collate, BessemerForCausalLM.forward, run.build_engine

    def noting(windows: Any, indices: Any, device: Any) -> Any:
        current[0] = bool(bad & set(indices.tolist()))
        return collate(windows, indices, device)

    def spoilt(self: Any, *arguments: Any, **options: Any) -> Any:
        found = forward(self, *arguments, **options)
        if current[0] and found.loss is not None and self.training:
            found.loss = found.loss * float("nan")
        return found

    def watched(*arguments: Any) -> Any:
        engine = build(*arguments)
        step = engine.step

        def comparing(*given: Any) -> Any:
            before = [parameter.detach().clone() for parameter in engine.model.parameters()]
            result = step(*given)
            after = engine.model.parameters()
            changed = any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
            steps.append((result.applied, changed))
            return result

        engine.step = comparing
        return engine

    loop.collate, BessemerForCausalLM.forward, run.build_engine = noting, spoilt, watched  # type: ignore[method-assign]
    code = trial.main()
    rank = os.environ.get("RANK", "0")
    spec.scratch.joinpath(f"steps-{rank}.json").write_text(json.dumps(steps))
    return code


if __name__ == "__main__":
    sys.exit(main())
