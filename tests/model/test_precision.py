"""bf16 is chosen by what the hardware does, and asked for by name it is not questioned."""

import pytest
import torch

from bessemer.model import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"avx2", "avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), ({"avx2"}, "fp32"), (set(), "fp32")],
)
def test_auto_is_bf16_where_the_cpu_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], expected: str
) -> None:
    monkeypatch.setattr(precision, "_cpu_flags", lambda: flags)
    assert precision.resolve_precision("auto", CPU) == expected
    assert precision.resolve_precision("bf16", CPU) == "bf16"
    assert precision.resolve_precision("fp32", CPU) == "fp32"
