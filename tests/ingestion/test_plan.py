"""Jobs: independent of each other's files, named by what they read."""

from bessemer.config.ingest import IngestParams
from bessemer.config.sources import HuggingFace, Source
from bessemer.ingestion.plan import plan_jobs
from bessemer.sources import Lock, LockedFile, LockedHub, LockedSource

PARAMS = IngestParams(small_file_bytes=1000, buckets=8)
SOURCE = Source(name="s", path="data/raw")


def locked(*files: tuple[str, int]) -> Lock:
    pins = [LockedFile(path=path, size=size, xxh3=f"{path}{size}".ljust(32, "0")) for path, size in files]
    return Lock(sources=[LockedSource(name="s", path="data/raw", base="data/raw", files=pins)])


def keys(lock: Lock, source: Source = SOURCE) -> dict[str, dict[str, str]]:
    return {job.name: dict(job.inputs) for job in plan_jobs(lock, [source], PARAMS)}


FILES = [(f"small-{n}.txt", 10 + n) for n in range(40)] + [(f"large-{n}.txt", 2000 + n) for n in range(3)]


def test_every_file_is_in_one_job_and_the_largest_come_first() -> None:
    jobs = plan_jobs(locked(*FILES), [SOURCE], PARAMS)
    assert sorted(file.path for job in jobs for file in job.payload.files) == sorted(path for path, _ in FILES)
    assert len(jobs) <= 8 + 3
    sizes = [job.payload.stored_bytes for job in jobs]
    assert sizes == sorted(sizes, reverse=True)


def test_a_new_small_file_changes_one_job_and_a_new_large_file_none() -> None:
    before = keys(locked(*FILES))
    small = keys(locked(*FILES, ("small-new.txt", 5)))
    assert sum(before.get(name) != inputs for name, inputs in small.items()) == 1
    large = keys(locked(*FILES, ("large-new.txt", 5000)))
    assert all(large[name] == inputs for name, inputs in before.items())
    assert len(large) == len(before) + 1


def test_equal_files_under_two_names_are_two_jobs() -> None:
    pins = [LockedFile(path=path, size=5000, xxh3="0" * 32) for path in ("a.txt", "b.txt")]
    lock = Lock(sources=[LockedSource(name="s", path="data/raw", base="data/raw", files=pins)])
    assert len(keys(lock)) == 2


def test_the_definition_of_the_source_is_in_the_key_and_its_place_is_not() -> None:
    before = keys(locked(*FILES))
    assert keys(locked(*FILES), Source(name="s", path="elsewhere/raw", exclude=["*.md"])) == before
    changed = keys(locked(*FILES), Source(name="s", path="data/raw", license="CC0"))
    assert all(changed[name] != inputs for name, inputs in before.items())


def test_a_hub_data_set_has_a_job_for_each_part() -> None:
    asked = HuggingFace(repository="a/b", revision="main")
    hub = LockedHub(**asked.model_dump(), commit="c" * 40, parts=3)
    lock = Lock(sources=[LockedSource(name="h", huggingface=hub)])
    jobs = plan_jobs(lock, [Source(name="h", huggingface=asked)], PARAMS)
    assert [job.name for job in jobs] == [f"h-{'c' * 12}-0000{part}" for part in range(3)]
    assert [job.payload.part for job in jobs] == [0, 1, 2]
