"""Model gate: good enough, and not worse than the pinned baseline."""

from bessemer.config.evaluate import ModelGateParams
from bessemer.evaluation.compare import compare_with_baseline, read_baseline
from bessemer.gates import evaluate_gate, read_metrics, write_token
from bessemer.reporting.report import StageReport
from bessemer.stage import StageContext, run_stage
from stages import layout


def main(context: StageContext) -> StageReport:
    """Compare the evaluation with its bounds and the baseline; write the token if none of severity error is broken."""
    params: ModelGateParams = context.section
    metrics = read_metrics(context.root / layout.REPORTS, ("evaluate",))
    checks = evaluate_gate(params.checks, metrics, context.name)
    baseline = compare_with_baseline(
        {name.removeprefix("evaluate."): value for name, value in metrics.items()},
        read_baseline(context.root / layout.BASELINE),
        metric=params.baseline_metric,
        tolerance=params.baseline_tolerance,
    )
    if baseline is not None:
        checks.append(baseline)
    broken = [item for item in checks if not item.passed]
    report = StageReport(
        stage=context.name,
        title="Model gate",
        summary=f"{len(checks) - len(broken)} of {len(checks)} bounds hold; "
        + ("no baseline is pinned." if baseline is None else "the pinned baseline is one of them."),
        metrics={"checks": len(checks), "checks_broken": len(broken), "baseline_pinned": int(baseline is not None)},
        checks=checks,
    )
    if not report.failed:
        write_token(context.root / layout.GATES / "model.json")
    return report


if __name__ == "__main__":
    run_stage("model_gate", main, model_gate=ModelGateParams)
