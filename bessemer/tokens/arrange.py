"""The samples of a run, put together from what params.yaml asks for."""

from __future__ import annotations

from pathlib import Path

from bessemer.config.mixture import MixtureParams
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError
from bessemer.tokens.by_source import SourceDocuments, open_sources
from bessemer.tokens.cuts import Cuts, count_cuts
from bessemer.tokens.layout import Layout, SourceWindows
from bessemer.tokens.loader import Reader, Windows
from bessemer.tokens.mixture import Mixture, Portion, require_known
from bessemer.tokens.packed import AllDocuments, open_packed
from bessemer.tokens.schedule import Epochs
from bessemer.tokens.stream import TokenStream


def arrange(stream: TokenStream, params: PretrainParams, folder: Path) -> Reader:
    """The samples of a run, by global number.

    Args:
        stream: the training tokens.
        params: the run; its mixture, packing, sequence length, length and seed take part.
        folder: for indexes, which are made when they are missing; created when missing.

    Raises:
        ConfigError: the mixture names a source without tokens, reads one more often than it may, or a source (or all
            tokens) do not fill one sample.
    """
    length = params.sequence_length
    if params.mixture.phases:
        layouts = _layouts(stream, params, folder)
        return Reader(stream, length, list(layouts.values()), mixture_of(layouts, params))
    if params.packing == "stream":
        return Windows(stream, length, params.seed)
    if not stream.total_tokens:
        raise ConfigError(f"{stream.directory} has no tokens, so there is nothing to pack; add text.")
    packed = open_packed(AllDocuments(stream), length, _home(stream, folder, length))
    return Reader(stream, length, [packed], Epochs(packed.count, params.seed))


def mixture_of(layouts: dict[str, Layout], params: PretrainParams) -> Mixture:
    """The phases of a run over its layouts."""
    counts = {name: layout.count for name, layout in layouts.items()}
    return Mixture(params.mixture, counts, params.steps * params.batch_sequences, params.seed)


def portions_of(stream: TokenStream, params: PretrainParams, folder: Path) -> list[Portion]:
    """What each phase takes from each source; nothing without phases. Raises and takes what :func:`arrange` does."""
    return mixture_of(_layouts(stream, params, folder), params).portions() if params.mixture.phases else []


def cuts_of(stream: TokenStream, params: PretrainParams, folder: Path) -> Cuts:
    """How many documents either packing cuts, of those that the run reads."""
    if not params.mixture.phases:
        return count_cuts([(AllDocuments(stream), 1)], params.sequence_length)
    sources = _weighed(open_sources(stream, folder), params.mixture)
    return count_cuts([(documents, 0) for documents in sources.values()], params.sequence_length)


def _layouts(stream: TokenStream, params: PretrainParams, folder: Path) -> dict[str, Layout]:
    length, sources = params.sequence_length, open_sources(stream, folder)
    require_known(params.mixture, sources)
    found: dict[str, Layout] = {}
    for number, (name, documents) in enumerate(sources.items()):
        if name in _weighed(sources, params.mixture):
            home = _home(stream, folder, length, f"-{number:05d}")
            best_fit = params.packing == "best_fit"
            found[name] = open_packed(documents, length, home) if best_fit else SourceWindows(documents, length)
    return found


def _weighed(sources: dict[str, SourceDocuments], mixture: MixtureParams) -> dict[str, SourceDocuments]:
    """Sources that some phase reads."""
    return {
        name: documents
        for name, documents in sources.items()
        if any(phase.weights.get(name) for phase in mixture.phases)
    }


def _home(stream: TokenStream, folder: Path, length: int, source: str = "") -> Path:
    return folder / f"packed-{stream.fingerprint}-{length}{source}"
