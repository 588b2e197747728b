"""The worker process: what it answers, and what happens when it cannot."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from zoo_rows import columns, make_rows

from explain.engine import Job, Reply
from explain.explainers import Attribution
from explain.models import Allowed
from explain.models.torch import TorchAdapter
from explain.process import Process
from explain.worker import Limits, Worker
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Feature, Kind, ModelSchema, Part, Task


@pytest.fixture
def job(artifact, schema):
    """Return a function that makes a small job for a zoo model."""

    def make(name="Network", method="shap", **changed):
        spec = artifact(name)
        given = {
            "spec": spec,
            "schema": schema,
            "model_hash": TorchAdapter.fingerprint(spec),
            "method": method,
            "row": make_rows(1, 77),
            "background": make_rows(30),
            "seed": 1,
            "settings": {"rows": 2_000},
        }
        return Job(**{**given, **changed})

    return make


def test_it_explains_and_is_bit_identical_across_processes(worker, job, allowed):
    other = Worker(allowed, Limits(threads=1))
    try:
        for method in ("shap", "lime"):
            found = worker.run(job(method=method))
            assert found == worker.run(job(method=method)) == other.run(job(method=method))
            assert list(found.attributions) == ["carrier", "delay", "seats", "spare"]
    finally:
        other.close()


def test_the_same_seed_gives_the_same_bits_however_many_threads_a_model_may_take(job, allowed, schema):
    """Where one background stands in, many words' values are one regression: its sums must not go by the threads."""
    note = Feature(name="note", kind=Kind.TEXT)
    wide = ModelSchema(model="m", task=Task.REGRESSION, features=(*schema.features, note))
    row, usual = make_rows(1, 77), make_rows(1, 78)
    words = {"note": [" ".join(f"w{at}" for at in range(60))]}
    asked = job("Linear", method="shapley", schema=wide, row=row | words, background=usual | words, output=None)
    found = []
    for threads in (1, 2, 4):
        worker = Worker(allowed, Limits(threads=threads))
        try:
            found.append(worker.run(asked))
        finally:
            worker.close()
    assert found[0].quality["exact"] is False
    assert found[0] == found[1] == found[2]


def test_it_answers_what_the_model_answers(worker, job, artifact, schema, allowed):
    model = TorchAdapter.load(artifact("Network"), schema, allowed)
    found = worker.run(job())
    assert found.prediction == pytest.approx(float(model.predict(columns(make_rows(1, 77), schema))[0]), abs=1e-7)
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-9)


def test_the_explained_class_of_several_is_the_one_asked_for(worker, job, schema):
    several = ModelSchema(model="m", task=Task.MULTICLASS, features=schema.features, classes=("a", "b", "c"))
    first, second = (worker.run(job("Classes", schema=several, output=index)) for index in (0, 1))
    assert first.prediction + second.prediction == pytest.approx(0.5)
    for name, value in first.attributions.items():
        assert second.attributions[name] == pytest.approx(-value, abs=1e-9)
    with pytest.raises(InvalidInput, match="answers 3 numbers per row"):
        worker.run(job("Classes", schema=several, output=7))


def test_a_model_that_fails_is_an_error_of_its_own_and_the_worker_stays(worker, job):
    worker.run(job())
    before = worker.pid
    with pytest.raises(Unavailable, match=r"the model failed .*TypeError: cannot encode None"):
        worker.run(job("Broken"))
    with pytest.raises(Unavailable, match="not finite"):
        worker.run(job("NotFinite"))
    with pytest.raises(InvalidInput, match="not allowed"):
        worker.run(job(spec={**job().spec, "class": "os:system"}))
    worker.run(job())
    assert worker.pid == before


@pytest.mark.parametrize(
    ("name", "method"),
    [("Chatty", "occlusion"), ("Reseeds", "lime"), ("Reseeds", "shap"), ("Mutates", "occlusion"), ("Mutates", "shap")],
)
def test_what_a_model_does_beside_answering_changes_no_explanation(worker, job, name, method):
    """It prints, seeds the global generators, or writes into its inputs: it is explained as one that does not."""
    own = job(name, method=method, settings={"rows": 1_000})
    found = worker.run(own)
    assert found == worker.run(job("Linear", method=method, settings={"rows": 1_000}))
    assert worker.run(own) == found


def test_what_a_model_prints_is_not_kept_but_for_its_end(job, allowed):
    """A model that prints for every batch must fill no disk."""
    worker = Worker(allowed, Limits(threads=1))
    try:
        for _ in range(3):
            worker.run(job("Chatty", method="occlusion"))
        for stream in ("1", "2"):
            target = Path(f"/proc/{worker.pid}/fd/{stream}").readlink()
            assert str(target).startswith("pipe:"), "nothing that could grow"
        with pytest.raises(Unavailable, match="that is all"):
            worker.run(job("Exits"))
    finally:
        worker.close()


def test_what_an_earlier_job_printed_is_not_quoted_when_a_later_one_ends_the_worker(job, allowed):
    worker = Worker(allowed, Limits(threads=1))
    try:
        worker.run(job("Tells", method="occlusion"))
        with pytest.raises(Unavailable, match=r"exit code 0: it printed nothing"):
            worker.run(job("Silent"))
    finally:
        worker.close()


@pytest.mark.parametrize("method", ["occlusion", "shap"])
def test_answers_too_large_to_be_added_up_are_refused_and_the_next_job_works(worker, job, schema, method):
    """Else what is stored could not be read again: JSON knows no infinity."""
    numbers = ModelSchema(model="m", task=Task.REGRESSION, features=schema.features)
    with pytest.raises((Unavailable, InvalidInput)):
        worker.run(job("Huge", method=method, schema=numbers, settings={"rows": 1_000}))
    assert worker.run(job()).quality["exact"]


@pytest.mark.parametrize(
    "broken",
    [
        {"attributions": {"delay": float("inf")}},
        {"standard_errors": {"delay": float("nan")}},
        {"parts": (Part(feature="delay", label="d", place=(0, 1), amount=1.0, error=float("inf")),)},
        {"outputs": {"late": {"delay": float("nan")}}},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_no_number_that_cannot_be_stored_leaves_the_worker(job, monkeypatch, broken):
    made = Attribution(
        **{"base_value": 0.5, "prediction": 1.0, "attributions": {"delay": 0.5}, "quality": {}, **broken}
    )
    worker = Worker(Allowed(), Limits())
    monkeypatch.setattr(worker, "_exchange", lambda _: Reply(attribution=made))
    with pytest.raises(Unavailable, match="no finite numbers"):
        worker.run(job())


def test_a_model_that_exits_says_so_and_the_next_job_works(worker, job):
    with pytest.raises(Unavailable, match=r"worker died \(exit code 1: that is all\); ask again"):
        worker.run(job("Exits"))
    assert worker.run(job()).quality["exact"]


@pytest.mark.parametrize("error", ["Model", "InvalidInput"])
@pytest.mark.parametrize("message", ["RuntimeError: can't start new thread", "Resource temporarily unavailable"])
def test_where_no_thread_can_be_started_the_likely_cause_is_named(job, monkeypatch, error, message):
    worker = Worker(Allowed(), Limits(memory_mb=512))
    monkeypatch.setattr(worker, "_exchange", lambda _: Reply(error=error, message=message))
    with pytest.raises(Unavailable, match=rf"512 MB.*{message}.*raise explain.memory_mb"):
        worker.run(job())


def test_a_model_whose_files_changed_since_they_were_hashed_is_not_explained(worker, job):
    with pytest.raises(Unavailable, match="changed"):
        worker.run(job("Linear", model_hash="0" * 64))


def test_a_job_over_its_time_is_ended_and_the_next_works(job, allowed):
    worker = Worker(allowed, Limits(threads=1))
    try:
        worker.run(job())
        before = worker.pid
        worker.limits = Limits(seconds=3, threads=1)  # from here on: what is loaded first may take longer
        with pytest.raises(Unavailable, match=r"took longer than 3 s and was ended.*explain\.timeout_s"):
            worker.run(job("Hangs"))
        assert not Path(f"/proc/{before}").exists()
        worker.limits = Limits(threads=1)
        assert worker.run(job()).quality["exact"]
        assert worker.pid != before
    finally:
        worker.close()


def test_a_worker_that_dies_or_runs_out_of_memory_says_so_and_the_next_job_works(job, allowed):
    worker = Worker(allowed, Limits(memory_mb=2_048, threads=1))
    try:
        with pytest.raises(Unavailable, match=r"more than the worker's 2,048 MB .*explain\.memory_mb"):
            worker.run(job("Hungry"))
        with pytest.raises(Unavailable, match=r"worker died \(exit code 3"):
            worker.run(job("Dies"))
        assert worker.run(job()).quality["exact"]
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert worker.run(job()).quality["exact"], "one that died between jobs is replaced unnoticed"
    finally:
        worker.close()


@pytest.fixture
def dying(job, allowed, monkeypatch):
    """Return a function of how often: a worker that sits still, whose process is killed so often with a job unread."""
    made, receive = [], Process._receive

    def make(times):
        worker, left = Worker(allowed, Limits(threads=1)), [times]
        made.append(worker)
        worker.run(job())
        os.kill(worker.pid, signal.SIGSTOP)

        def killed(process, *given):
            if left[0]:
                left[0] -= 1
                os.kill(process.pid, signal.SIGKILL)
            return receive(process, *given)

        monkeypatch.setattr(Process, "_receive", killed)
        return worker

    yield make
    for worker in made:
        worker.close()


def test_a_job_whose_worker_died_before_it_began_is_given_to_another(dying, job):
    worker = dying(1)
    before = worker.pid
    assert worker.run(job()).quality["exact"]
    assert worker.pid != before


def test_a_job_is_given_to_one_other_worker_and_no_third(dying, job):
    worker = dying(2)
    with pytest.raises(Unavailable, match=r"worker died \(ended by SIGKILL.*ask again"):
        worker.run(job())
    assert worker.run(job()).quality["exact"]


def test_a_job_that_kills_its_worker_is_tried_once(worker, job, monkeypatch):
    worker.run(job())
    started = []
    monkeypatch.setattr("explain.worker.Process", lambda *given: started.append(Process(*given)) or started[-1])
    with pytest.raises(Unavailable, match=r"worker died \(exit code 3"):
        worker.run(job("Dies"))
    assert len(started) == 1, "the one for the next job"
    assert worker.run(job()).quality["exact"]


def test_a_job_that_is_given_up_before_it_began_is_given_to_nobody(job, allowed, monkeypatch):
    worker, send = Worker(allowed, Limits(threads=1)), Process._send
    try:
        worker.run(job())
        os.kill(worker.pid, signal.SIGSTOP)
        monkeypatch.setattr(Process, "_send", lambda *given: (send(*given), worker.interrupt()))
        with pytest.raises(Unavailable, match="worker died"):
            worker.run(job())
        monkeypatch.undo()
        assert worker.run(job()).quality["exact"]
    finally:
        worker.close()


def test_a_limit_too_small_to_start_says_how_it_died(job, allowed):
    worker = Worker(allowed, Limits(memory_mb=64, threads=1))
    try:
        with pytest.raises(Unavailable, match=r"worker died .*explain\.memory_mb"):
            worker.run(job())
    finally:
        worker.close()


def test_threads_take_turns_and_each_gets_its_own_answer(worker, job):
    jobs = {seed: job(method="lime", seed=seed) for seed in range(6)}
    expected = {seed: worker.run(each) for seed, each in jobs.items()}
    found = {}
    threads = [
        threading.Thread(target=lambda seed=seed: found.__setitem__(seed, worker.run(jobs[seed]))) for seed in jobs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert found == expected


def test_closing_ends_the_process_and_refuses_further_jobs(job, allowed):
    worker = Worker(allowed, Limits(threads=1))
    failed = []

    def hang():
        try:
            worker.run(job("Hangs"))
        except Unavailable as error:
            failed.append(str(error))

    job("Hangs")
    worker.run(job())
    pid = worker.pid
    waiting = threading.Thread(target=hang)
    waiting.start()
    worker.close()
    waiting.join(60)
    assert not waiting.is_alive()
    assert failed
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(Unavailable, match="shut down"):
        worker.run(job())
    worker.close()


def test_the_worker_goes_when_its_parent_is_killed(tmp_path):
    program = (
        "import os, signal; from explain.models import Allowed; from explain.worker import Limits, Worker\n"
        "worker = Worker(Allowed(), Limits()); worker.warm(); print(worker.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert _gone(int(done.stdout)), "the worker outlived its parent"


def _gone(pid, seconds=30):
    """Say whether a process that is no child of ours ends within a deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if " Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except FileNotFoundError:
            return True
        threading.Event().wait(0.05)
    return False


def test_the_server_process_never_imports_model_or_explanation_libraries():
    program = (
        "import sys, explain.service, explain.worker, explain.background\n"
        "from explain.explainers import explainers; from explain.models import adapters\n"
        "explainers(); adapters()\n"
        "print([name for name in ('torch', 'shap', 'lime', 'sklearn', 'pandas', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
