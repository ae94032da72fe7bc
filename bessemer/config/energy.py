"""Section ``energy`` of runtime.yaml: what a busy core and a busy GPU are taken to draw, where nothing measures it."""

from pydantic import Field

from bessemer.config.base import Strict


class EnergyRuntime(Strict):
    """Power of hardware whose energy the system does not measure; only the cost on the run page follows from it.

    Source: what the calculator of Lannelongue, Grealey and Inouye 2021 ("Green Algorithms", Advanced Science 8,
    2100707) takes for a core and a GPU of unknown model, from the thermal design power of common ones.
    """

    watts_per_core: float = Field(
        12.0, ge=0, description="watts of a core while it computes, for the energy on the run page"
    )
    watts_per_gpu: float = Field(
        200.0,
        ge=0,
        description="watts of a GPU that a stage holds, for the energy on the run page; its data sheet has the figure "
        "(an H100 SXM: 700)",
    )
