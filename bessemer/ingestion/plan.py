"""Jobs of ``ingest``: one per large file, per bucket of small files, per part of a Hub data set.

A job never depends on another one's files, so adding a file re-reads that file, or at most its bucket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import xxhash

from bessemer.config.ingest import IngestParams
from bessemer.config.sources import Source
from bessemer.engine import Job
from bessemer.readers.fields import dump_json
from bessemer.sources import Lock, LockedFile, LockedHub, LockedSource

_DEFINITION = {"name", "huggingface", "format", "columns", "license", "split_documents"}
_DIGEST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Work:
    """What one job reads: files of a source below ``base``, or the part ``part`` of its Hub data set."""

    source: Source
    base: str
    files: tuple[LockedFile, ...] = ()
    hub: LockedHub | None = None
    part: int = 0

    @property
    def stored_bytes(self) -> int:
        """Size of the files as they are stored."""
        return sum(file.size for file in self.files)


def plan_jobs(lock: Lock, sources: Sequence[Source], params: IngestParams) -> list[Job]:
    """The jobs of a lock, the largest first, each with a :class:`Work` as payload.

    The key of a job holds its own source's definition and its own files, by path and digest.

    Args:
        lock: made for ``sources`` (see ``require_locked``).
        sources: of params.yaml.
        params: sizes that decide which files are gathered.
    """
    definitions = {source.name: source for source in sources}
    jobs: list[Job] = []
    for locked in lock.sources:
        source = definitions[locked.name]
        if locked.huggingface is not None:
            jobs.extend(_hub_jobs(source, locked.huggingface))
        else:
            jobs.extend(_file_jobs(source, locked, params))
    return sorted(jobs, key=lambda job: (-job.payload.stored_bytes, job.name))


def _file_jobs(source: Source, locked: LockedSource, params: IngestParams) -> list[Job]:
    gathered: dict[str, list[LockedFile]] = {}
    for file in locked.files:
        gathered.setdefault(_job_name(source.name, file, params), []).append(file)
    jobs = []
    for name, files in sorted(gathered.items()):
        ordered = tuple(sorted(files, key=lambda file: file.path))
        inputs = {"source": _definition_digest(source)} | {f"file/{file.path}": file.content for file in ordered}
        jobs.append(Job(name, inputs, Work(source, locked.base, ordered)))
    return jobs


def _hub_jobs(source: Source, hub: LockedHub) -> list[Job]:
    inputs = {"source": _definition_digest(source), "commit": hub.commit, "parts": str(hub.parts)}
    return [
        Job(f"{source.name}-{hub.commit[:_DIGEST_DIGITS]}-{part:05d}", inputs, Work(source, ".", hub=hub, part=part))
        for part in range(hub.parts)
    ]


def _job_name(source: str, file: LockedFile, params: IngestParams) -> str:
    if file.size < params.small_file_bytes:
        return f"{source}-b{xxhash.xxh3_64_intdigest(file.path.encode()) % params.buckets:04d}"
    identity = f"{file.path}\0{file.content}".encode()
    return f"{source}-{xxhash.xxh3_128_hexdigest(identity)[:_DIGEST_DIGITS]}"


def _definition_digest(source: Source) -> str:
    """Digest of what the definition of a source changes in its documents; where its files lie is not part of it."""
    return xxhash.xxh3_128_hexdigest(dump_json(source.model_dump(mode="json", include=_DEFINITION)))
