"""Corpus gate: a corpus that breaks a bound stops here, before any GPU is spent on it."""

from bessemer.config.gates import CorpusGateParams
from bessemer.gates import evaluate_gate, read_metrics, write_token
from bessemer.reporting.report import StageReport
from bessemer.stage import StageContext, run_stage
from stages import layout

STAGES = (
    "ingest",
    "language",
    "classifier",
    "quality",
    "dedup",
    "decontaminate",
    "curate",
    "tokenizer",
    "shard",
)
"""Whose metrics may be bounded: every stage before the gate."""


def main(context: StageContext) -> StageReport:
    """Compare the corpus with its bounds; write the token if none of severity error is broken."""
    params: CorpusGateParams = context.section
    metrics = read_metrics(context.root / layout.REPORTS, STAGES)
    checks = evaluate_gate(params.checks, metrics, context.name)
    broken = [item for item in checks if not item.passed]
    report = StageReport(
        stage=context.name,
        title="Corpus gate",
        summary=f"{len(checks) - len(broken)} of {len(checks)} bounds hold."
        + "".join(f" {item.metric} is {item.value:g}, not {item.op} {item.threshold:g}." for item in broken),
        metrics={"checks": len(checks), "checks_broken": len(broken)},
        checks=checks,
    )
    if not report.failed:
        write_token(context.root / layout.GATES / "corpus.json")
    return report


if __name__ == "__main__":
    run_stage("corpus_gate", main, corpus_gate=CorpusGateParams)
