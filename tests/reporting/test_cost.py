"""Cost is what the records say, added up; what is estimated says so and with which assumption."""

import json
from pathlib import Path

import pytest

from bessemer.config.energy import EnergyRuntime
from bessemer.reporting.amounts import Cost, assumed, assumed_power, cost_of, together
from bessemer.reporting.cost import cost_context, run_cost
from bessemer.reporting.numbers import energy, hours
from bessemer.reporting.report import write_report
from bessemer.reporting.states import StageState, join
from bessemer.reporting.storage import beside, folder_bytes, stage_bytes
from tests.reporting.examples import curate_report

POWER = EnergyRuntime(watts_per_core=10, watts_per_gpu=500)


def record(root: Path, run: str, stage: str, **facts: object) -> None:
    path = root / ".runs" / run / f"{stage}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"exit_code": 0, **facts}))


def shown(root: Path, state: str = "ran", wall_s: float | None = None) -> str:
    joined = [join(root, "now", StageState("curate", state, wall_s=wall_s))]
    cost = cost_context(run_cost(root, "now", joined), joined, wall_s)
    return json.dumps(cost, ensure_ascii=False).replace("\u00a0", " ")


def test_energy_is_core_time_and_gpu_time_at_the_assumed_power_and_all_of_it_estimated() -> None:
    cost = cost_of({"wall_s": 100, "cpu_s": 40, "notes": {"device": "cuda:0", "processes": 8}}, POWER)
    assert cost == Cost(100, 40, 800, 40 * 10 + 800 * 500, 40 * 10 + 800 * 500, 800 * 500)


def test_measured_energy_of_processors_takes_the_place_of_the_estimate_and_gpus_stay_estimated() -> None:
    facts = {"wall_s": 100, "cpu_s": 40, "energy_j": 7000.0}
    assert cost_of(facts, POWER) == Cost(100, 40, 0, 7000, 0)
    scored = {**facts, "notes": {"evaluation": {"device": "cuda"}}}
    assert cost_of(scored, POWER) == Cost(100, 40, 100, 57000, 50000, 50000)


def test_a_stage_on_processors_holds_no_gpu_and_no_record_costs_nothing() -> None:
    assert cost_of({"wall_s": 9, "notes": {"device": "cpu", "processes": 4}}, POWER).gpu_s == 0
    assert cost_of({}, POWER) == Cost()
    assert together([Cost(1, 2, 3, 4, 5), Cost(1, 1, 1, 1, 1)]) == Cost(2, 3, 4, 5, 6)


def test_power_is_that_of_the_runtime_file_and_its_defaults_where_that_cannot_be_read(tmp_path: Path) -> None:
    assert assumed_power(tmp_path) == EnergyRuntime()
    (tmp_path / "runtime.yaml").write_text("energy: {watts_per_core: 4.5}\n")
    assert assumed_power(tmp_path).watts_per_core == 4.5
    (tmp_path / "runtime.yaml").write_text("energy: {watts_per_cor: 4.5}\n")
    assert assumed_power(tmp_path) == EnergyRuntime()


def test_the_page_says_hours_energy_and_what_was_assumed(tmp_path: Path) -> None:
    write_report(curate_report(), tmp_path / "reports/curate")
    record(tmp_path, "now", "curate", wall_s=3600, cpu_s=7200, notes={"device": "cuda:0", "processes": 2})
    text = shown(tmp_path, wall_s=3610.0)
    assert "1 h 00 min: 2.00 h of processor time, 2.00 h of GPU time, and about 424 Wh of energy" in text
    assert "estimated with 12 W for a computing core and 200 W for a GPU" in text


def test_energy_that_was_measured_is_not_called_an_estimate(tmp_path: Path) -> None:
    write_report(curate_report(), tmp_path / "reports/curate")
    record(tmp_path, "now", "curate", wall_s=10, cpu_s=7200, energy_j=36000.0)
    text = shown(tmp_path)
    assert "10.0 Wh" in text
    assert "≈" not in text
    assert "estimated" not in text


def test_a_run_that_did_nothing_says_what_the_result_cost_when_it_was_made(tmp_path: Path) -> None:
    write_report(curate_report(), tmp_path / "reports/curate")
    record(tmp_path, "before", "curate", wall_s=75, cpu_s=100, finished=5)
    text = shown(tmp_path, "cached")
    assert "This run cost nothing: every stage was up to date. Making all of it once took 1 min 15 s." in text
    cost = run_cost(tmp_path, "now", [join(tmp_path, "now", StageState("curate", "cached"))])
    assert (cost.now.wall_s, cost.whole.wall_s, cost.whole.cpu_s) == (0, 75, 100)


@pytest.mark.parametrize(
    "states",
    [
        [],
        [StageState("check", "skipped"), StageState("curate", "cancelled")],
        [StageState("check", "failed", wall_s=0)],
    ],
)
def test_a_run_in_which_nothing_worked_is_not_called_up_to_date(tmp_path: Path, states: list[StageState]) -> None:
    joined = [join(tmp_path, "now", state) for state in states]
    cost = cost_context(run_cost(tmp_path, "now", joined), joined, None)
    assert cost["sentence"] == "No stage worked in this run."
    facts = {fact["label"]: fact["value"] for fact in cost["facts"]}
    assert (facts["Energy"], facts["CPU hours"]) == ("–", "–")


def test_a_run_of_restored_stages_says_that_none_had_to_work_and_no_zeros(tmp_path: Path) -> None:
    text = shown(tmp_path, "restored", wall_s=3.0)
    assert "This run took 3.0 s: no stage had to work." in text
    assert "0.00 h" not in text
    assert "0.00 Wh" not in text


def test_an_amount_that_is_no_number_is_not_known(tmp_path: Path) -> None:
    record(tmp_path, "now", "curate", wall_s=10, cpu_s=float("nan"), energy_j=float("nan"))
    assert "This run took 10 s: what it used is not known." in shown(tmp_path)


def test_energy_measured_while_several_stages_worked_is_at_most_the_sum() -> None:
    first, second, later = (
        cost_of({"wall_s": 10, "cpu_s": 10, "energy_j": 3600.0, "started": began, "finished": began + 10}, POWER)
        for began in (0.0, 5.0, 15.0)
    )
    assert together([first, second, later]).at_most
    assert not together([first, later]).at_most
    assert not together([second, later]).at_most


def test_only_what_was_estimated_is_named() -> None:
    gpu = cost_of({"wall_s": 100, "cpu_s": 40, "energy_j": 7000.0, "notes": {"device": "cuda"}}, POWER)
    assert assumed(gpu, POWER) == "500 W for a GPU"
    assert assumed(cost_of({"wall_s": 100, "cpu_s": 40}, POWER), POWER) == "10 W for a computing core"


def test_a_later_run_does_not_change_what_an_earlier_one_cost(tmp_path: Path) -> None:
    write_report(curate_report(), tmp_path / "reports/curate")
    record(tmp_path, "before", "curate", wall_s=75, finished=5)
    record(tmp_path, "after", "curate", wall_s=999, finished=50)
    (tmp_path / ".runs/now").mkdir()
    (tmp_path / ".runs/now/run.json").write_text(json.dumps({"finished": 10}))
    cost = run_cost(tmp_path, "now", [join(tmp_path, "now", StageState("curate", "cached"))])
    assert cost.whole.wall_s == 75


def test_bytes_of_a_stage_are_those_of_its_outputs_in_the_lock(tmp_path: Path) -> None:
    assert stage_bytes(tmp_path) == {}
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  curate:\n    deps:\n    - {path: a, size: 900}\n    outs:\n"
        "    - {path: b, size: 30, nfiles: 2}\n    - {path: c, size: 12}\n    - {path: d}\n  check:\n    cmd: x\n"
    )
    assert stage_bytes(tmp_path) == {"curate": 42, "check": 0}


def test_bytes_of_an_old_run_are_those_of_the_lock_that_it_has_kept(tmp_path: Path) -> None:
    write_report(curate_report(), tmp_path / "reports/curate")
    record(tmp_path, "now", "curate", wall_s=1)
    for folder, size in ((tmp_path, 900), (tmp_path / ".runs/now", 30)):
        (folder / "dvc.lock").write_text(f"stages: {{curate: {{outs: [{{path: b, size: {size}}}]}}}}\n")
    cost = run_cost(tmp_path, "now", [join(tmp_path, "now", StageState("curate", "ran"))])
    assert cost.stored == {"curate": 30}


def test_a_file_with_two_links_takes_its_room_once(tmp_path: Path) -> None:
    folder = tmp_path / ".dvc/cache/files"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"x" * 700)
    (folder / "b").hardlink_to(folder / "a")
    (folder / "c").write_bytes(b"y" * 50)
    (folder / "loop").symlink_to(folder)
    assert folder_bytes(tmp_path) == 750
    assert beside(tmp_path) == {"in DVC's store of versions": 750}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.00 h"), (1, "< 0.01 h"), (2844, "0.79 h"), (90_000, "25.0 h"), (3.6e6, "1,000 h")]
)
def test_hours_never_round_something_to_nothing(seconds: float, text: str) -> None:
    assert hours(seconds).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("joules", "text"), [(0, "0.00 Wh"), (9, "< 0.01 Wh"), (33_840, "9.4 Wh"), (4.2e6, "1.2 kWh"), (7.2e9, "2,000 kWh")]
)
def test_energy_is_written_in_watt_hours(joules: float, text: str) -> None:
    assert energy(joules).replace("\u00a0", " ") == text
