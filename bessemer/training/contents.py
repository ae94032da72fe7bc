"""Every tensor and number of a checkpoint, by name, whatever wrote it: to compare two to the bit."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from bessemer.training.checkpoint import verify


def contents(path: Path) -> dict[str, Any]:
    """Name to tensor, number or text: weights, optimizer, random state, and the loop's own state.

    Raises:
        ConfigError: it is no whole checkpoint.
    """
    manifest = verify(path)
    found = dict(_flat("state", manifest.state))
    if manifest.kind == "torch":
        return found | _of_torch(path)
    for name, file in sorted(manifest.files.items()):
        if not name.endswith(".pt"):  # DeepSpeed puts a program and a pointer beside its tensors
            found[name] = file.xxh3
            continue
        # Written by the run that is proved, and checked against its manifest: a pickle of our own.
        found |= dict(_flat(name, torch.load(path / name, map_location="cpu", weights_only=False)))
    return found


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Names under which two checkpoints do not hold the same bits, and names that one of them lacks."""
    names = first.keys() | second.keys()
    return sorted(name for name in names if not _same(first.get(name), second.get(name)))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and torch.equal(_bits(one), _bits(other))
    return type(one) is type(other) and repr(one) == repr(other)


def _bits(tensor: Tensor) -> Tensor:
    """The bytes of a tensor: a NaN equals itself, 0 is not -0."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def _of_torch(path: Path) -> dict[str, Any]:
    stored = FileSystemReader(path).read_metadata().state_dict_metadata
    state: dict[str, Any] = {
        name: torch.empty(item.size, dtype=item.properties.dtype)
        for name, item in stored.items()
        if isinstance(item, TensorStorageMetadata)
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled", category=UserWarning)
        load(state, checkpoint_id=path, no_dist=True)
    return state


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}", item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _flat(f"{prefix}.{number}", item)
    else:
        yield prefix, value
