"""``ingest`` of params.yaml: raw records to documents."""

from typing import Literal

from pydantic import Field

from bessemer.config.base import Fraction, Strict


class HtmlParams(Strict):
    """How text is taken out of HTML pages."""

    extractor: Literal["resiliparse", "trafilatura"] = Field(
        "resiliparse",
        description="which library; resiliparse is far faster, and the choice of DCLM (Li et al. 2024, section 4.2)",
    )
    main_content: bool = Field(True, description="leave out navigation, headers and footers of the page")


class IngestParams(Strict):
    """Readers, limits and the cutting of shards."""

    max_bad_fraction: Fraction = Field(
        0.01, description="largest quarantined fraction of a source's records before the stage ends with exit code 4"
    )
    max_record_bytes: int = Field(
        16_777_216,
        ge=1024,
        le=1_073_741_824,
        description="bytes of one record, decompressed; a larger one is quarantined",
    )
    max_record_seconds: float = Field(
        60.0,
        gt=0,
        le=86_400,
        description="processor seconds that the extraction of one page may take; one that takes longer is quarantined",
    )
    max_expansion: float = Field(
        200.0, ge=2, description="decompressed bytes per compressed byte of a file beyond its first max_record_bytes"
    )
    max_undecodable: Fraction = Field(
        0.001, description="largest fraction of a record's characters that its charset cannot decode"
    )
    split_bytes: int = Field(
        20_000, ge=1000, description="UTF-8 bytes of the documents that a long text is cut into, at paragraph ends"
    )
    html: HtmlParams = Field(default_factory=HtmlParams, description="text of HTML pages")
    small_file_bytes: int = Field(
        1_048_576,
        ge=0,
        description="bytes (as stored); smaller files of a source are gathered in buckets, larger ones are alone",
    )
    buckets: int = Field(
        256, ge=1, le=1024, description="buckets of small files per source, chosen by a hash of the path"
    )
    shard_records: int = Field(10_000, ge=1, description="documents per shard; a file with more is cut into several")
    shard_bytes: int = Field(67_108_864, ge=1024, description="UTF-8 bytes of text per shard; a file with more is cut")
    samples: int = Field(4, ge=0, le=100, description="documents of each source shown in the report")
    seed: int = Field(0, ge=0, description="seed of the choice of samples")
