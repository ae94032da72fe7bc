"""``sources`` of params.yaml: where the raw text comes from."""

from typing import Literal

from pydantic import ConfigDict, Field, RootModel, model_validator

from bessemer.config.base import Strict

Format = Literal["auto", "jsonl", "json", "parquet", "arrow", "text", "warc", "wet", "html", "mediawiki", "zip", "tar"]


class Columns(Strict):
    """Names of the fields of a JSON record, or the columns of a Parquet or Arrow file, that a document is made of.

    All other fields go into the document's ``meta``.
    """

    text: str = Field("text", min_length=1, description="field with the text; a record without it is quarantined")
    url: str | None = Field("url", description="field with the address, where there is one")
    date: str | None = Field("date", description="field with the date, where there is one")
    license: str | None = Field("license", description="field with the licence, where there is one")


class HuggingFace(Strict):
    """A data set of the Hugging Face Hub, read as a stream."""

    repository: str = Field(min_length=1, description="name on the Hub: owner/data-set")
    revision: str = Field(
        min_length=1,
        description="commit, tag or branch; the lock keeps the commit that it meant when the source was first locked",
    )
    config: str | None = Field(None, description="configuration (subset) of the data set; none: its default")
    split: str = Field("train", min_length=1, description="split to read")


class Source(Strict):
    """One source of raw text. Its name is part of every document's id: renaming a source renames its documents."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="short name, used in ids, file names and reports"
    )
    path: str | None = Field(
        None,
        description="file, folder (read with its subfolders) or glob pattern, relative to the root of the checkout; or "
        "an address that fsspec knows (s3://, gs://, https://)",
    )
    storage: dict[str, str | int | float | bool] = Field(
        default_factory=dict,
        description="options of the address's file system, such as `anon: true`; keys and passwords belong into the "
        "environment, where its library looks for them",
    )
    huggingface: HuggingFace | None = Field(None, description="a data set of the Hub, instead of a path")
    exclude: list[str] = Field(
        default_factory=list,
        description="patterns of files to leave out; * stands for any characters, also for slashes",
    )
    format: Format = Field(
        "auto", description="auto: told from each file's name; otherwise all files are read as this format"
    )
    columns: Columns = Field(
        default_factory=Columns, description="fields of jsonl, json, parquet, arrow and Hub records"
    )
    license: str | None = Field(None, description="licence of records that do not state their own")
    split_documents: bool | None = Field(
        None, description="cut long texts into documents of ingest.split_bytes; none: only plain-text files"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "Source":
        if (self.path is None) == (self.huggingface is None):
            raise ValueError(f"the source {self.name} needs either path or huggingface")
        if self.storage and "://" not in (self.path or ""):
            raise ValueError(f"the source {self.name} has storage options, but its path is no address")
        if self.huggingface is not None and self.format != "auto":
            raise ValueError(f"the source {self.name} is a Hub data set, which has no format to choose; remove it")
        return self


class SourcesParams(RootModel[list[Source]]):
    """The section ``sources`` as a stage reads it: a list."""

    model_config = ConfigDict(frozen=True)
