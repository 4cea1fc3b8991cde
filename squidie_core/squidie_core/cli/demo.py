"""`squidie demo`: a worker is killed in the middle of a step, and the run goes on."""

from __future__ import annotations

import argparse
import secrets
import signal
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from squidie_core.cli.arguments import Commands, add_command, add_store, settings_of
from squidie_core.cli.demo_stage import DemoError, Stage, attempt
from squidie_core.cli.demo_verdict import Verdict, judge
from squidie_core.cli.demo_workers import DemoWorkers
from squidie_core.cli.demo_workflow import Errand, RingErrand
from squidie_core.cli.inspecting import snapshot_lines
from squidie_core.cli.output import Output
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import text
from squidie_core.runtime import Squidie

_WORKERS = ("merry", "pippin")
_LEASE = 1.0


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "demo", "run a workflow on two workers and kill one of them in the middle of a step")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="keep the demo's files there")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Play it. Raises DemoError where anything is not as it should be."""
    with ExitStack() as stack:
        stack.enter_context(_terminable())
        directory = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="squidie-demo-")))
        directory.mkdir(parents=True, exist_ok=True)
        stage = _set_up(stack, args, directory.absolute(), out)
        victim = _play(stage)
        final = stage.squidie.inspect_run(stage.run_id, include_history=True)
        stage.workers.stop()
        verdict = judge(stage, final, victim)
    _show(out, final, verdict)
    if args.keep is not None:
        out.say(f"kept in {args.keep}")
    if not all(ok for _, ok in verdict):
        raise DemoError(
            "not all is as it should be: " + "; ".join(check for check, ok in verdict if not ok),
            details={"checks": dict(verdict)},
        )


def _set_up(stack: ExitStack, args: argparse.Namespace, directory: Path, out: Output) -> Stage:
    began = time.monotonic()
    queue = f"demo-{secrets.token_hex(4)}"
    place = _settings(args, directory, queue)
    url, namespace, schema = place["url"], place.get("namespace"), place.get("schema")
    squidie = stack.enter_context(
        Squidie(
            url,
            workflows=[RingErrand],
            queue=queue,
            namespace=namespace,
            storage_options={} if schema is None else {"schema": schema},
        )
    )
    trail = directory / f"trail-{queue}"
    workers = stack.enter_context(DemoWorkers(directory, trail, place))
    errand = squidie.start(RingErrand.leave_shire, Errand(ring_id="one"), tags=("demo",))
    stage = Stage(squidie, errand.id, workers, trail, out, began)
    stage.say(f"run {errand.id} of ring-errand is started; it is in the store, and nobody works on it yet")
    for name in _WORKERS:
        stage.say(f"worker {name} is process {workers.start(name, lease_for=_LEASE)}")
    return stage


def _settings(args: argparse.Namespace, directory: Path, queue: str) -> Mapping[str, str]:
    """The demo's settings: its own file, or the store of the command line; never one that just happens to be set."""
    if args.url is None:
        return {"url": f"sqlite:///{directory / 'demo.db'}", "queue": queue}
    settings = settings_of(args)
    said = {name: settings[name] for name in ("url", "namespace", "schema")}
    return {"queue": queue, **{name: value for name, value in said.items() if value is not None}}


def _play(stage: Stage) -> str:
    """Bring the run to its end; returns the name of the worker that was killed."""
    stage.wait_at("hide")
    stage.say("pack is done; the run waits at the pause hide, and costs nothing while it does")
    stage.squidie.resume(stage.run_id, actor="gandalf")
    stage.say("gandalf resumed it")
    stage.wait_at("council")
    stage.squidie.approve(stage.run_id, actor="elrond", comment="take the ring to the fire")
    stage.say("elrond approved at the gate council")
    claimed = stage.wait_until("the body of cross is running", lambda _: stage.begun().get("cross", 0) == 1)
    view = attempt(claimed, "cross")
    victim = (view.owner_id if view is not None else None) or _WORKERS[0]
    stage.say(f"{victim} claimed cross and is in the middle of it")
    stage.say(f"SIGKILL to {victim}, process {stage.workers.kill(victim)}")
    stage.say(f"the dead worker's claim is still respected: {_lease(stage)}")
    taken = attempt(stage.wait_until("another worker takes cross over", _taken_over, losses=1), "cross")
    if taken is not None:
        stage.say(
            f"the lease lapsed; {taken.owner_id} took cross over, delivery {taken.deliveries} of the same attempt"
        )
    stage.wait_until("the run is over", lambda run: run.terminal, losses=1)
    stage.say("the run is over")
    return victim


def _lease(stage: Stage) -> str:
    view = attempt(stage.squidie.inspect_run(stage.run_id), "cross")
    return f"its lease ends at {text(view.lease_until) if view is not None else 'an unknown time'}"


def _taken_over(run: Snapshot) -> bool:
    view = attempt(run, "cross")
    return view is not None and view.deliveries > 1


def _show(out: Output, final: Snapshot, verdict: Verdict) -> None:
    checks: Sequence[str] = [f"{'ok ' if ok else 'NOT'}  {check}" for check, ok in verdict]
    out.show(
        {"run": final.to_dict(), "checks": [{"check": check, "ok": ok} for check, ok in verdict]},
        ["", "The journal, and the run at its end:", "", *snapshot_lines(final), "", *checks],
    )


@contextmanager
def _terminable() -> Generator[None]:
    """Let SIGTERM end the demo as an error does: with its processes and files gone."""

    def handle(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # the signature of handlers
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
