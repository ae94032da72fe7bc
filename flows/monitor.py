"""``bessemer monitor``: a run in the terminal, live or as one frame. It reads the run's files and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bessemer.errors import ConfigError
from bessemer.reporting.untrusted import neutralise
from bessemer.training.logs import COMPUTING
from bessemer.training.vital_signs import VitalSigns, newest_run
from flows.display import clock
from flows.line_chart import line_chart

SCRATCH = Path(".scratch/pretrain")
REFRESH_S = 1.0
_WIDE = 110
_ALERTS = 4
_STATES = {"running": "bold green", "done": "green", "waiting": "dim", "ended": "yellow"}
_PHASE_STYLES = {
    "forward": "green",
    "backward": "bright_green",
    "optimizer": "cyan",
    "data": "yellow",
    "eval": "blue",
    "checkpoint": "magenta",
    "start": "bright_black",
    "other": "bright_black",
    "repeated": "red",
    "unseen": "bright_black",
}


def monitor_command(root: Path, folder: Path | None, console: Console, *, once: bool) -> int:
    """``bessemer monitor``: until Ctrl-C in a terminal; one frame with ``once``, or without a terminal.

    Raises:
        ConfigError: there is no run, or the folder is none.
    """
    found = newest_run(root / SCRATCH) if folder is None else folder
    if found is None or not found.is_dir():
        where = root / SCRATCH if folder is None else folder
        raise ConfigError(f"{where} has no training run; `bessemer run pretrain` makes one.")
    signs = VitalSigns(found)
    signs.look()
    if once or not console.is_terminal:
        console.print(page(signs, console.width, 0))
        return 0
    with Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                signs.look()
                live.update(page(signs, console.width, console.height), refresh=True)
                time.sleep(REFRESH_S)
        except KeyboardInterrupt:
            return 0


def page(signs: VitalSigns, width: int, height: int) -> RenderableType:
    """One frame for a terminal of so many characters; a height of 0 is as much as it takes."""
    wide = width >= _WIDE
    alerts = _alerts(signs)
    around = 19 if not wide else 12
    rows = max(4, min(14, height - around - (_ALERTS if alerts else 0))) if height else 12
    chart_width = (width * 3 // 5 if wide else width) - 4
    loss = Panel(_chart(signs, "loss", chart_width, rows), title=_loss_title(signs), title_align="left")
    numbers = Panel(_numbers(signs), title="this attempt", title_align="left")
    if wide:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=3)
        grid.add_column(ratio=2)
        grid.add_row(loss, numbers)
        body: list[RenderableType] = [grid]
    else:
        body = [loss, numbers]
    return Group(_head(signs, width), *alerts, *body, _goodput(signs, width), *_samples(signs, width, height))


def _head(signs: VitalSigns, width: int) -> RenderableType:
    state = signs.state()
    start = signs.start
    words = Text.assemble(
        (f" {state} ", f"reverse {_STATES.get(state, 'bold red')}"),
        (f"  {signs.folder.name[:12]}", "bold"),
        f"  {start.get('parameters', 0):,} parameters, {start.get('strategy', '?')}, "
        f"{start.get('processes', '?')} x {start.get('device', '?')}, {start.get('precision', '?')}"
        if start
        else "",
    )
    words.truncate(width, overflow="ellipsis")
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True)
    left = signs.seconds_left() if state == "running" else None
    said = f"step {signs.step:,} of {signs.steps:,}" + (f", {clock(left)} left" if left is not None else "")
    bar.add_row(ProgressBar(total=max(1, signs.steps), completed=signs.step, width=None), said)
    lines: list[RenderableType] = [words, bar]
    if state == "ended":
        lines.append(Text(signs.end, "yellow", overflow="ellipsis", no_wrap=True))
    return Group(*lines)


def _chart(signs: VitalSigns, name: str, width: int, rows: int) -> Text:
    return Text("\n".join(line_chart(signs.curve(name), width, rows)), "cyan", no_wrap=True)


def _loss_title(signs: VitalSigns) -> str:
    losses = [value for _, value in signs.curve("loss")][-20:]
    mean = f"{sum(losses) / len(losses):.3f} over the last {len(losses)}" if losses else "none yet"
    held_out = signs.curve("val_bits_per_byte")
    judged = f", held out {held_out[-1][1]:.3f} bits per byte at step {held_out[-1][0]:,}" if held_out else ""
    return escape(f"loss {mean}{judged}")


def _numbers(signs: VitalSigns) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    speed, row = signs.speed, signs.rows[-1] if signs.rows else {}
    rate = speed.get("tokens_per_second")
    table.add_row("throughput", f"{rate:,.0f} tokens/s" if rate else "not known yet")
    table.add_row("MFU", _mfu(signs))
    if signs.peak:
        table.add_row("peak", f"{_flops(signs.peak['flops'])} x {signs.peak['processes']}")
        table.add_row("", Text(str(signs.peak["name"]), "dim"))
    memory = speed.get("memory_mb")
    table.add_row("memory", f"{memory:,.0f} MB at most, rank 0" if memory else "not known yet")
    if row:
        table.add_row("gradient norm", f"{row['grad_norm']:.3g}, rates at {row['learning_rate_factor']:.0%} of peak")
    kept = signs.checkpoints()
    if kept:
        ago = clock(max(0.0, time.time() - kept[-1].time))
        table.add_row("checkpoint", f"step {kept[-1].step:,}, {kept[-1].bytes / 1e6:,.1f} MB, {ago} ago")
    else:
        table.add_row("checkpoint", "none yet")
    started = f"{signs.attempts}, from step {signs.start.get('resumed_after_step', 0):,}" if signs.start else "none"
    table.add_row("attempt", started)
    return table


def _flops(flops: float) -> str:
    return f"{flops / 1e12:,.0f} TFLOP/s" if flops >= 1e13 else f"{flops / 1e9:,.1f} GFLOP/s"


def _mfu(signs: VitalSigns) -> str:
    if "mfu_palm" not in signs.speed:
        return "no peak yet"
    return f"{signs.speed['mfu_palm']:.1%} PaLM, {signs.speed['mfu_causal']:.1%} causal"


def _goodput(signs: VitalSigns, width: int) -> RenderableType:
    seconds = {name: value for name, value in signs.seconds().items() if value > 0}
    total, share = sum(seconds.values()), signs.goodput()
    if not total or share is None:
        return Text("goodput: no steps yet", "dim")
    order = [name for name in _PHASE_STYLES if name in seconds]
    room, bar, done = width - 4, Text(no_wrap=True), 0.0
    for name in order:
        before, done = round(done / total * room), done + seconds[name]
        bar.append("█" * (round(done / total * room) - before), _PHASE_STYLES[name])
    names = Text()
    for name in order:
        if seconds[name] / total >= 0.005:
            names.append("■ ", _PHASE_STYLES[name])
            names.append(f"{name} {seconds[name] / total:.0%}  ")
    title = f"goodput {share:.1%}: {', '.join(COMPUTING)} of {clock(total)} with a trainer"
    return Panel(Group(bar, names), title=title, title_align="left")


def _alerts(signs: VitalSigns) -> list[RenderableType]:
    found = signs.alerts()
    if not found:
        return []
    lines = [Text(f"step {alert.step:,}: {alert.text}", "red") for alert in found[-_ALERTS:]]
    return [Panel(Group(*lines), title=f"{len(found)} to look at", title_align="left", border_style="red")]


def _samples(signs: VitalSigns, width: int, height: int) -> list[RenderableType]:
    if not signs.samples or (height and height < (40 if width >= _WIDE else 48)):
        return []
    lines = [
        Text.assemble((neutralise(item["prompt"]), "bold"), " ", " ".join(neutralise(item["text"]).split()))
        for item in signs.samples
    ]
    for line in lines:
        line.truncate(width - 4, overflow="ellipsis")
    return [Panel(Group(*lines), title=f"written after step {signs.samples[0]['step']:,}", title_align="left")]
