"""Phases with a mixture of sources each: which source sample *k* of a run is from, and which of its samples it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.config.mixture import MixtureParams
from bessemer.errors import ConfigError
from bessemer.tokens.cycle import Cycle
from bessemer.tokens.schedule import shuffled


@dataclass(frozen=True)
class Portion:
    """What one source gives to one phase.

    Attributes:
        phase: number, from 1.
        source: its name.
        share: of the phase's samples.
        samples: how many that are.
        epochs: passes over the source in this phase.
    """

    phase: int
    source: str
    share: float
    samples: int
    epochs: float


class Mixture:
    """The order of a run with phases. Sample *k* is a function of *k*, the seed, the mixture and the sizes of sources.

    A phase takes its sources in turns (:class:`Cycle`), and each source its samples in the order of a keyed
    permutation, epoch after epoch. A source goes on in a phase where it ended in the phase before, so that nothing is
    read twice before all of it was read once. After the last sample of the run the last phase goes on.
    """

    def __init__(self, params: MixtureParams, counts: Mapping[str, int], samples: int, seed: int) -> None:
        """Lay out all phases.

        Args:
            params: at least one phase.
            counts: samples of an epoch of each source that has a weight; the number of a layout is its place here.
            samples: of the whole run, to which ``until`` refers.
            seed: of all orders.

        Raises:
            ConfigError: a source is read more often than ``max_epochs`` allows.
        """
        self._names, self._counts, self._seed = list(counts), counts, seed
        self._cycles = [Cycle(phase.weights, seed) for phase in params.phases]
        ends = params.ends(samples)
        self._firsts = np.array([0, *ends[:-1]], dtype=np.int64)
        self._lengths = np.diff(ends, prepend=0).tolist()
        self._before: list[dict[str, int]] = [dict.fromkeys(self._names, 0)]
        for cycle, length in zip(self._cycles, self._lengths, strict=True):
            self._before.append(dict(self._before[-1]))
            for name, taken in zip(cycle.names, cycle.taken(length).tolist(), strict=True):
                self._before[-1][name] += taken
        self._require_few_epochs(params)

    def __call__(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of the source and of the sample in it, for each global number; both shaped as ``indices``."""
        sources, samples = np.empty_like(indices), np.empty_like(indices)
        phases = np.searchsorted(self._firsts, indices, side="right") - 1
        for phase in np.unique(phases).tolist():
            chosen = np.flatnonzero(phases == phase)
            cycle = self._cycles[phase]
            whose, numbers = cycle.turn(indices[chosen] - self._firsts[phase])
            for place in np.unique(whose).tolist():
                name, mine = cycle.names[place], whose == place
                sources[chosen[mine]] = self._names.index(name)
                taken = numbers[mine] + self._before[phase][name]
                samples[chosen[mine]] = shuffled(taken, self._counts[name], "bessemer.source", name, self._seed)
        return sources, samples

    def portions(self) -> list[Portion]:
        """What each phase takes from each source it names, in the order of names."""
        found = []
        for number, cycle in enumerate(self._cycles):
            for name, turns in sorted(zip(cycle.names, cycle.turns.tolist(), strict=True)):
                samples = self._before[number + 1][name] - self._before[number][name]
                epochs = samples / self._counts[name]
                found.append(Portion(number + 1, name, turns / cycle.length, samples, epochs))
        return found

    def _require_few_epochs(self, params: MixtureParams) -> None:
        for name, most in params.max_epochs.items():
            epochs = self._before[-1][name] / self._counts[name] if name in self._counts else 0.0
            if epochs > most:
                raise ConfigError(
                    f"params.yaml: pretrain.mixture: the run reads {name} {epochs:.2f} times, more than max_epochs "
                    f"({most:g}) allows; lower its weights or pretrain.tokens, or raise the bound."
                )


def require_known(params: MixtureParams, sources: Collection[str]) -> None:
    """Check that every source which is named is one that has tokens.

    Raises:
        ConfigError: one has none; those that have some are named.
    """
    for name in sorted(params.sources):
        if name not in sources:
            raise ConfigError(
                f"params.yaml: pretrain.mixture: {name} is no source of the training tokens; known: "
                f"{', '.join(sorted(sources))}."
            )
