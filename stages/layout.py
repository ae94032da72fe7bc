"""Where this pipeline keeps its files, relative to the root of the checkout."""

from pathlib import Path

DOCUMENTS = Path("data/documents")
QUARANTINE = Path("data/quarantine")
LANGUAGE = Path("data/language")
QUALITY = Path("data/quality")
DEDUP = Path("data/dedup")
DEDUP_EXACT = DEDUP / "exact"
DEDUP_PAIRS = DEDUP / "pairs"
DEDUP_PARTS = DEDUP / "parts"
CONTAMINATION = Path("data/contamination")
CURATED = Path("data/curated")
LEDGER = Path("data/ledger")
PII = Path("data/pii")
TOKENS = Path("data/tokens")
TOKENS_TRAIN = TOKENS / "train"
TOKENS_VAL = TOKENS / "val"
TOKENS_LEDGER = TOKENS / "ledger"
GATES = Path("data/gates")
REFERENCE = Path("data/sample/reference")
CLASSIFIER = Path("models/quality")
TOKENIZER = Path("models/tokenizer")
MODEL = Path("models/pretrain")
BASELINE = Path("models/baseline.json")
SOURCES_LOCK = Path("sources.lock.yaml")
SCRATCH = Path(".scratch/pretrain")
REPORTS = Path("reports")
RUNS = Path(".runs")
