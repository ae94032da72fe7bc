"""The log that rank 0 keeps of a run, opened when it is known where the run goes on from."""

from typing import Any

from bessemer.training.execution import ExecutionLog, Work
from bessemer.training.loop import Run
from bessemer.training.metrics import MetricsLog
from bessemer.training.trackers import open_boards


def open_log(run: Run, facts: dict[str, Any], resolved: dict[str, Any]) -> MetricsLog:
    """The lines of the run up to its step, without that of a step that still waits for its validation.

    Args:
        run: at the step that it goes on after.
        facts: parameters and operations a token.
        resolved: how this attempt is executed.
    """
    params, topology, folder = run.params, run.topology, run.store.directory
    work = Work(
        flops_palm=facts["flops_per_token_palm"],
        flops_causal=facts["flops_per_token_causal"],
        batch_tokens=params.batch_tokens,
        world=topology.world,
        precision=topology.precision,
    )
    settings = {
        "steps": params.steps,
        "tokens": params.total_tokens,
        "parameters": facts["parameters"],
        "precision": topology.precision,
        "batch_tokens": params.batch_tokens,
        **resolved,
    }
    written = run.step - (run.row is not None)
    execution = ExecutionLog(folder, work, run.engine.phases, topology.device, settings)
    return MetricsLog(folder, written, execution, open_boards(run.runtime.trackers, folder, written, settings))
