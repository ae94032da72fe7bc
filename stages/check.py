"""Check: every parameter is known, in bounds and in agreement with the others, before anything runs."""

from bessemer.config.cross_checks import require_consistent
from bessemer.config.load import load_params
from bessemer.gates import write_token
from bessemer.reporting.report import StageReport
from bessemer.stage import StageContext, run_stage
from stages import layout


def main(context: StageContext) -> StageReport:
    """Load all sections (runtime.yaml was loaded with the context), compare them, write the token."""
    params = load_params(context.root)
    require_consistent(params)
    write_token(context.root / layout.GATES / "check.json")
    sections = len(type(params).model_fields)
    return StageReport(
        stage=context.name,
        title="Check",
        summary=f"{sections} sections of params.yaml are known, in bounds and agree; {len(params.sources)} sources.",
        metrics={"sections": sections, "sources": len(params.sources)},
    )


if __name__ == "__main__":
    run_stage("check", main)
