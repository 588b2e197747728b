"""``watchglass demo``: train, serve, register, replay a summer of flights, watch, alert, explain, report."""

import json
import os
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.demo import data, registration, train
from app.demo.day import Calendar
from app.demo.folder import prepare
from app.demo.model import FlightModel
from app.demo.processes import Child, PeakMemory, free_port, orderly_end
from app.demo.receiver import Receiver
from app.demo.show import Show
from app.demo.story import INFER, MODEL, Edition, Story, midnight
from app.demo.summary import Summary, realised_accuracy
from app.demo.tour import explain_two, tell_alerts, write_report
from app.demo.traffic import ServedModel
from app.link import Link
from app.transport import HttpTransport
from monitor.errors import Unavailable

PORT = 8080
CONFIG = """\
# Written by the demo. WATCHGLASS_CONFIG=this-file makes the command line work on the demo's data.
data_dir = "{store}"
port = {port}
clock = "manual"

[scheduler]
enabled = false  # the replay has the jobs run at each midnight, when all of a day's predictions are in

[explain]
classes = ["{model}"]
"""


def run(
    *,
    once: bool,
    directory: Path = Path("demo-data"),
    port: int | None = None,
    story: Story | None = None,
    show: Show | None = None,
) -> dict[str, Any]:
    """Play the whole demo and return its summary; with ``once`` false stay up until Ctrl-C first.

    Args:
        once: stop when everything has been done, and print the summary as one JSON line, the last.
        directory: where everything is written; emptied first if an earlier demo made it.
        port: of the dashboard; 8080, or a free one where that is taken.
        story: what happens; a summer by default.
        show: where progress is printed.

    Raises:
        WatchglassError: a step failed; the message names it and holds the end of the log of the process at fault.
    """
    started = time.perf_counter()
    show = show or Show()
    with orderly_end(), PeakMemory() as memory, ExitStack() as stack:
        demo = Demo(story or Story(), prepare(directory), port, show, stack)
        demo.play()
        summary = demo.summary
        summary.seconds = round(time.perf_counter() - started, 1)
        summary.peak_pss_mb = round(memory.pss_mb, 1)
        if not once:
            demo.stay()
    if once:
        print(json.dumps(asdict(summary)), flush=True)
    return asdict(summary)


class Demo:
    """One run: its processes, and the steps in their order."""

    def __init__(self, story: Story, directory: Path, port: int | None, show: Show, stack: ExitStack) -> None:
        self.summary = Summary()
        self._story = story
        self._dir = directory
        self._show = show
        self._stack = stack
        self._port = free_port(port or PORT)
        if port is not None and self._port != port:
            raise Unavailable(f"Port {port} is in use. Give another with --port, or leave it out to get a free one.")
        self.url = f"http://127.0.0.1:{self._port}"
        self.served: dict[str, ServedModel] = {}
        self.replay_seconds = 0.0
        self._children: list[Child] = []
        self._models: dict[str, FlightModel] = {}

    def play(self) -> None:
        """Take every step but the last.

        Raises:
            WatchglassError: a step failed.
        """
        try:
            self._steps()
        except Unavailable as error:
            tails = [f"\n--- the end of {child.log} ---\n{tail}" for child in self._children if (tail := child.tail())]
            raise Unavailable(f"{error}{''.join(tails)}") from error

    def _steps(self) -> None:
        show, story = self._show, self._story
        with show.doing("Train the model on the first months of 2013"):
            for edition in story.editions:
                self._train(edition)
        with show.doing("Start Watchglass, and the model server that it watches"):
            link = self._start_watchglass()
            self._serve(story.editions[0])
        receiver = self._stack.enter_context(Receiver())
        with show.doing("Register the model, its owner, and what version 1 is compared with"):
            self._register(link, receiver.url)
        with show.doing(f"Replay {story.first:%d %B} to {story.until:%d %B}: real flights, real HTTP, days in seconds"):
            calendar = self._replay(link)
        with show.doing("Daily drift, data-quality and accuracy jobs, as the scheduler ran them each midnight"):
            self._measured(link, calendar)
        with show.doing("Alerts, as their owner got them by webhook"):
            tell_alerts(link, receiver, story, self.summary, show)
        with show.doing("Explain two predictions of the day the feed broke"):
            last = self.served[story.serving(story.fault.first).version]
            explain_two(link, last, story, calendar.scores, self.summary, show)
        with show.doing("Write the drift report of the week of the fault"):
            write_report(link, story, self._dir, self.summary, show)

    def _weights(self, edition: Edition) -> Path:
        return self._dir / "models" / edition.version / "model.safetensors"

    def _train(self, edition: Edition) -> None:
        window = edition.training_window
        table = data.between(window.start, window.end)
        labelled = table.num_rows - table["arr_delay"].null_count
        started = time.perf_counter()
        with self._show.progress(f"version {edition.version}", labelled * train.EPOCHS) as advance:
            model, config = train.train(table, seed=edition.seed, advance=advance)
        self._models[edition.version] = model
        train.save(model, config, self._weights(edition))
        self._show.say(
            f"Version {edition.version}: {labelled:,} flights from {window.start:%d %B} to {window.end:%d %B}, "
            f"{train.EPOCHS} epochs in {time.perf_counter() - started:.1f} s → {self._weights(edition)}"
        )

    def _child(self, name: str, arguments: list[str], environment: dict[str, str]) -> Child:
        environment = {"TMPDIR": str(self._dir / "tmp"), **environment}
        child = Child(name, arguments, self._dir / "logs" / f"{name}.log", environment)
        self._stack.callback(child.stop)
        self._children.append(child)
        return child

    def _start_watchglass(self) -> Link:
        config = self._dir / "watchglass.toml"
        config.write_text(CONFIG.format(store=self._dir / "store", port=self._port, model=registration.MODEL_CLASS))
        child = self._child("watchglass", ["app.cli", "serve"], {"WATCHGLASS_CONFIG": str(config)})
        child.wait_ready(f"{self.url}/healthz")
        self._show.say(f"Watchglass, with its dashboard, at {self.url}")
        return self._stack.enter_context(Link(HttpTransport(self.url), self.url))

    def _serve(self, edition: Edition) -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        options = ["--port", str(port), "--weights", str(self._weights(edition)), "--version", edition.version]
        child = self._child(
            f"model-{edition.version}",
            ["app.demo.serve_model", *options, "--watchglass", self.url],
            {"OMP_NUM_THREADS": "1"},
        )
        child.wait_ready(f"{url}/v2/health/ready")
        self.served[edition.version] = ServedModel(url)
        self._show.say(f"Version {edition.version}: POST {url}{INFER}, captured by CaptureMiddleware")

    def _register(self, link: Link, webhook: str) -> None:
        first = self._story.editions[0]
        link.ask("PUT", "/v1/clock", json_body={"now": midnight(self._story.first).isoformat()})
        window = first.training_window
        labelled = data.between(window.start, window.end)
        schema = registration.register_model(link, labelled, webhook, self._story.until)
        self._show.say(f"Model {MODEL}: {len(schema.features)} features inferred; owner {registration.OWNER}")
        self._register_version(link, first)

    def _register_version(self, link: Link, edition: Edition) -> None:
        registration.register_version(link, edition, self._weights(edition), self.served[edition.version].url)
        rows = registration.register_reference(link, edition, self._models[edition.version])
        span = edition.reference_window
        self._show.say(
            f"Version {edition.version}: compared with {rows:,} flights "
            f"from {span.start:%d %B} to {span.end:%d %B}, which it was not trained on"
        )

    def _replay(self, link: Link) -> Calendar:
        story, fault = self._story, self._story.fault
        self._show.warn(
            f"Fault, put in on purpose: from {fault.first:%d %B} to {fault.until:%d %B} the feed sends "
            f"{data.FEATURES[fault.column]['title'].lower()} in {fault.becomes} instead of {fault.was}."
        )
        calendar = Calendar(story, link, self.served, self.summary)
        total = data.between(midnight(story.first), midnight(story.until)).num_rows
        started = time.perf_counter()
        with self._show.progress("flights", total) as advance:
            for day in data.days(story.first, story.until):
                edition = story.serving(day)
                if edition.version not in self.served:  # its day has come: it is deployed as version 1 was
                    self._serve(edition)
                    self._register_version(link, edition)
                calendar.play(day, advance)
        calendar.last_labels()
        calendar.last_digest()
        self.summary.count_fates(link.ask("GET", "/v1/ledger")["lines"])
        self.replay_seconds = time.perf_counter() - started
        self._show.say(
            f"{self.summary.predictions:,} predictions captured, {self.summary.labels:,} labels a day later, "
            f"{self.summary.predictions / self.replay_seconds:,.0f} predictions/s with all jobs. "
            f"Stored {self.summary.stored:,}, duplicate {self.summary.duplicate:,}, "
            f"rejected {self.summary.rejected:,}, dropped {self.summary.dropped:,}."
        )
        return calendar

    def _measured(self, link: Link, calendar: Calendar) -> None:
        self.summary.measurements = calendar.totals["measurements"]
        reply = link.ask(
            "GET", f"/v1/models/{MODEL}/measurements", query={"metric": "performance.accuracy", "segment": "all"}
        )
        self.summary.accuracy = realised_accuracy(reply["measurements"])
        realised = ", ".join(f"version {version} {share:.1%}" for version, share in self.summary.accuracy.items())
        self._show.say(f"{self.summary.measurements:,} measurements over {calendar.totals['windows']:,} windows.")
        self._show.say(f"Right predictions, by the labels that came: {realised}.")

    def stay(self) -> None:
        """Open the dashboard to the user and wait for Ctrl-C."""
        fault = self._story.fault
        with self._show.doing("The dashboard is open"):
            self._show.console.print(f"    [bold green]{self.url}[/]")
            self._show.say(f"Look at {self.url}/alerts: what the fault set off, and when it was over;")
            self._show.say(f"{self.url}/model?model={MODEL}: drift by feature and day, accuracy by version;")
            self._show.say(
                f"{self.url}/feature?model={MODEL}&feature={fault.column}: the broken column against before;"
            )
            for told in self.summary.explanations[:1]:
                self._show.say(f"{self.url}/prediction?model={MODEL}&id={told['id']}: one prediction, explained.")
            self._show.say("Ctrl-C stops everything; the data stays in " + os.path.relpath(self._dir) + ".")
            try:
                while all(child.running for child in self._children):
                    time.sleep(1)
            except KeyboardInterrupt:
                self._show.say("Stopping.")
                return
        raise Unavailable("a process of the demo ended by itself; its log is in " + str(self._dir / "logs"))
