"""Watching torch modules changes nothing about them, and what they are asked and answer arrives."""

import copy
import io
import logging
import threading

import numpy as np
import pytest
import torch
from torch import nn

from monitor.client.probe import probing
from monitor.client.torch import request_id, watch
from monitor.errors import InvalidInput


class Recurrent(nn.Module):
    """A GRU over [n, steps, 3], classified by its last state; answers a tuple, as recurrent modules do."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, series, lengths=None):
        states, last = self.gru(series)
        return self.head(last[0]), states


class Attentive(nn.Module):
    """A small transformer over token ids with a mask; answers a mapping, as libraries of them do."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(self.embedding(input_ids), src_key_padding_mask=attention_mask == 0)
        return {"logits": self.head(hidden.mean(1)), "hidden": hidden}


def mlp():
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2))


def seeded(make):
    torch.manual_seed(5)
    return make().eval()


MODELS = {
    "mlp": (mlp, lambda: (torch.randn(4, 3),), {}),
    "recurrent": (Recurrent, lambda: (torch.randn(4, 6, 3),), {}),
    "transformer": (
        Attentive,
        lambda: (),
        {"input_ids": torch.arange(20).reshape(4, 5), "attention_mask": torch.ones(4, 5, dtype=torch.int64)},
    ),
}


@pytest.fixture
def client(make):
    return make(version="3")


def tensors(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [each for part in (result.values() if isinstance(result, dict) else result) for each in tensors(part)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mode", ["grad", "no_grad", "inference_mode"])
def test_outputs_gradients_and_mode_are_the_same_with_and_without(client, receiver, name, mode):
    """Byte for byte, and the very object that forward returned; the rows hold what was asked and answered."""
    build, given, kwargs = MODELS[name]
    bare, watched = seeded(build), seeded(build)
    torch.manual_seed(9)
    args = given()
    handle = watch(watched, client, output="logits")
    returned = []
    forward = watched.forward
    watched.forward = lambda *a, **k: returned.append(forward(*a, **k)) or returned[-1]
    context = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}[mode]
    with context():
        plain, seen = bare(*args, **kwargs), watched(*args, **kwargs)
        assert seen is returned[-1]
        for one, other in zip(tensors(plain), tensors(seen), strict=True):
            assert one.numpy(force=True).tobytes() == other.numpy(force=True).tobytes()
            assert (one.requires_grad, one.is_inference()) == (other.requires_grad, other.is_inference())
        if mode == "grad":
            tensors(plain)[0].sum().backward()
            tensors(seen)[0].sum().backward()
            for one, other in zip(bare.parameters(), watched.parameters(), strict=True):
                assert torch.equal(one.grad, other.grad)
    assert not any(each.training for each in watched.modules())
    assert client.flush(60)
    rows = receiver.rows()
    expected = torch.softmax(tensors(plain)[0].double(), -1)
    assert np.allclose([row["scores"] for row in rows], expected.numpy(force=True), atol=1e-7)
    assert {row["device"] for row in rows} == {"cpu"}
    assert all(row["latency_ms"] == row["device_ms"] > 0 and row["batch_size"] == 4 for row in rows)
    if name == "mlp":
        assert np.allclose([[row["features"][f"input-{i}"] for i in range(3)] for row in rows], args[0])
    elif name == "recurrent":
        assert np.allclose([row["features"]["input"] for row in rows], args[0].reshape(4, -1))
    else:
        names = {f"{name}-{i}" for name in kwargs for i in range(5)}
        assert set(rows[0]["features"]) == names
    assert not handle.counts


def test_names_ids_and_a_function_of_features(client, receiver):
    """Columns by name; ids of one row and of many; anything else by a function of copies."""
    module = seeded(mlp)
    with watch(module, client, columns=["a", "b", "c"], output="logits"):
        token = request_id.set("one")
        module(torch.tensor([[1.0, 2.0, 3.0]]))
        request_id.set(["x", "y"])
        module(torch.zeros(2, 3))
        request_id.reset(token)
    module(torch.zeros(1, 3))  # the hooks are gone
    with watch(
        module,
        client,
        features=lambda x: {"mean": x.mean(1).tolist()},
        output=lambda y: {"prediction": y.argmax(1).tolist()},
    ):
        module(torch.tensor([[1.0, 2.0, 3.0]]))
    assert client.flush(60)
    rows = receiver.rows()
    assert [row["id"] for row in rows[:3]] == ["one", "x", "y"]
    assert rows[0]["features"] == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert (rows[3]["features"], rows[3]["prediction"]) == ({"mean": 2.0}, 0 if rows[3]["prediction"] == 0 else 1)
    assert len(rows) == 4


class Mutating(nn.Module):
    """Changes what it is given, as some preprocessing does."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x):
        x.mul_(0)
        return self.layer(x)


def test_what_was_given_is_kept_though_module_and_caller_change_it(client, receiver):
    module = Mutating().eval()
    watch(module, client, output="prediction")
    given = torch.tensor([[3.0, 4.0]])
    with torch.no_grad():
        answer = module(given)
        expected = answer.item()
        answer.zero_()
    assert client.flush(60)
    (row,) = receiver.rows()
    assert row["features"] == {"input-0": 3.0, "input-1": 4.0}
    assert row["prediction"] == expected


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int8])
def test_every_type_of_number_arrives(client, receiver, dtype):
    module = nn.Identity().eval()
    watch(module, client, output="prediction")
    module(torch.tensor([1, 2], dtype=dtype))
    assert client.flush(60)
    assert [row["features"]["input"] for row in receiver.rows()] == [1, 2]


@pytest.mark.parametrize(
    ("output", "answer", "scores"),
    [
        ("probability", [[0.25], [0.5]], [[0.25], [0.5]]),
        ("logit", [0.0, 1e4], [[0.5], [1.0]]),
        ("logits", [[0.0, 0.0, 0.0], [1e4, 0.0, 0.0]], [[1 / 3] * 3, [1.0, 0.0, 0.0]]),
    ],
)
def test_scores_are_probabilities_whatever_the_module_answers(client, receiver, output, answer, scores):
    module = nn.Identity().eval()
    watch(module, client, features=lambda x: {"n": list(range(len(x)))}, output=output)
    module(torch.tensor(answer))
    assert client.flush(60)
    assert np.allclose([row["scores"] for row in receiver.rows()], scores)


def test_training_and_probes_are_left_out_and_counted(client, receiver, caplog):
    module = seeded(mlp)
    handle = watch(module, client, output="logits")
    with probing():
        module(torch.zeros(1, 3))
    module.train()(torch.zeros(1, 3))
    module.eval()
    asked = watch(module.train(), client, output="logits", training=True)
    module(torch.zeros(1, 3))
    asked.remove()
    assert client.flush(60)
    assert len(receiver.rows()) == 1
    assert handle.counts == {"probe": 1, "training": 2}
    assert asked.counts == {}
    assert caplog.text.count("training mode") == 1


class Halving(nn.Module):
    """Calls itself."""

    def forward(self, x):
        return x if len(x) <= 1 else self(x[: len(x) // 2])


def test_a_call_within_a_call_is_not_a_prediction_of_its_own(client, receiver):
    module = Halving().eval()
    handle = watch(module, client, output=lambda y: {"prediction": [1.0] * 8})
    module(torch.zeros(8))
    assert client.flush(60)
    assert len(receiver.rows()) == 8
    assert handle.counts == {"nested": 3}


class Failing(nn.Module):
    """Raises what it is given."""

    def forward(self, x, error):
        raise error


def test_exceptions_of_the_module_pass_as_they_are(client):
    module = Failing().eval()
    handle = watch(module, client)
    for error in (ValueError("mine"), KeyboardInterrupt("mine too")):
        with pytest.raises(type(error)) as raised:
            module(torch.zeros(1), error)
        assert raised.value is error
    assert client.stats()["errors"] == 1  # the interrupt passes all hooks
    assert client.stats()["logged"] == 0
    with pytest.raises(ValueError, match="again"):  # and what it left behind does not hide the next call
        module(torch.zeros(1), ValueError("again"))
    assert (client.stats()["errors"], handle.counts) == (2, {})


@pytest.mark.parametrize(
    ("module", "given", "counted"),
    [
        (nn.Identity(), torch.zeros(2, 3).to_sparse(), "unserialisable"),
        (nn.Identity(), torch.zeros(2, 2, 2), "unserialisable"),  # an answer of three dimensions
        (nn.Identity(), torch.zeros(3, 2**19), "too_large"),
        (nn.Identity(), "text", "unserialisable"),
    ],
)
def test_what_cannot_be_captured_is_counted_and_never_raised(client, module, given, counted):
    handle = watch(module.eval(), client)
    assert module(given) is given
    assert client.flush(60)
    stats = client.stats()
    assert stats["dropped"].keys() == {counted}
    assert stats["logged"] == stats["dropped"][counted]
    assert stats["last_error"]
    assert sum(handle.counts.values()) in (0, 1)


def test_a_hook_that_breaks_inside_does_not_break_the_module(client, monkeypatch):
    module = seeded(mlp)
    watch(module, client, output="logits")
    expected = module(torch.ones(1, 3))
    for broken in ("put", "count", "lost"):
        monkeypatch.setattr(client, broken, lambda *_a, **_k: 1 / 0)
        assert torch.equal(module(torch.ones(1, 3)), expected)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            module(torch.ones(1, 99))


def test_many_threads_each_get_their_own_rows(client, receiver):
    """Ids, inputs and outputs of concurrent calls are not mixed."""
    module = nn.Identity().eval()
    watch(module, client, output="prediction")

    def serve(worker):
        for call in range(50):
            request_id.set(f"{worker}-{call}")
            module(torch.tensor([worker * 1000.0 + call]))

    threads = [threading.Thread(target=serve, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(60)
    rows = receiver.rows()
    assert len(rows) == 400
    for row in rows:
        worker, call = map(int, row["id"].split("-"))
        assert row["features"]["input"] == row["prediction"] == worker * 1000 + call


def test_a_copy_or_file_of_the_module_holds_no_hooks(client, receiver):
    module = seeded(mlp)
    handle = watch(module, client, output="logits")
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    for other in (copy.deepcopy(module), torch.load(file, weights_only=False)):
        assert torch.equal(other(torch.ones(1, 3)), nn.Sequential(*other)(torch.ones(1, 3)))
    assert handle.counts == {}
    assert client.stats()["logged"] == 0
    assert module.state_dict().keys() == seeded(mlp).state_dict().keys()


@pytest.mark.parametrize("fullgraph", [False, True])
def test_a_compiled_module_is_watched_outside_its_graph(client, receiver, fullgraph):
    """One graph, no breaks; and the rows arrive."""
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    module = torch.compile(seeded(mlp), backend=counter, fullgraph=fullgraph)
    handle = watch(module, client, output="logits")
    for _ in range(3):
        module(torch.ones(2, 3))
    assert client.flush(60)
    assert (counter.frame_count, len(receiver.rows()), handle.counts) == (1, 6, {})


def test_a_module_compiled_after_it_was_watched_says_that_it_is_not_captured(client, caplog):
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    inner = seeded(mlp)
    handle = watch(inner, client, output="logits")
    module = torch.compile(inner, backend=counter, fullgraph=True)
    with caplog.at_level(logging.WARNING):
        answers = [module(torch.ones(2, 3)) for _ in range(3)]
    assert torch.equal(answers[0], seeded(mlp)(torch.ones(2, 3)))
    assert (counter.frame_count, handle.counts, client.stats()["logged"]) == (1, {"compiled": 1}, 0)
    assert "watch(torch.compile(module)" in caplog.text


def test_data_parallel_is_watched_as_one_call(client, receiver):
    module = nn.DataParallel(seeded(mlp)).eval()
    watch(module, client, output="logits")
    module(torch.ones(5, 3))
    assert client.flush(60)
    assert {row["batch_size"] for row in receiver.rows()} == {5}


def test_a_call_that_is_under_way_when_the_client_ends_is_told_and_counted_once(client, receiver):
    """Rows that were asked and are not answered yet; what was answered before is sent."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(torch.nn.Module):
        def forward(self, rows):
            inside.set()
            assert go_on.wait(20)
            return rows.sum(1)

    slow, quick = Slow(), torch.nn.Identity().eval()
    with watch(slow.eval(), client, output="prediction"), watch(quick, client, output="prediction"):
        quick(torch.ones(2, 1))
        caller = threading.Thread(target=slow, args=(torch.ones(3, 2),))
        caller.start()
        assert inside.wait(20)
        client.close(10)
        go_on.set()
        caller.join()
    stats = client.stats()
    assert (stats["logged"], stats["sent"], stats["dropped"]) == (5, 2, {"unfinished": 3})


def test_what_takes_no_hooks_is_refused(client):
    with pytest.warns(DeprecationWarning, match="script"):
        scripted = torch.jit.script(seeded(mlp))
    with pytest.raises(InvalidInput, match="ScriptModule"):
        watch(scripted, client)
    inplace = seeded(mlp)
    inplace.compile(backend="eager")
    with pytest.raises(InvalidInput, match="compiled in place"):
        watch(inplace, client)
    with pytest.raises(InvalidInput, match="probability, logit"):
        watch(seeded(mlp), client, output="softmax")
