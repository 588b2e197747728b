"""Models in their own formats answer as their libraries do; files that pretend to be one run nothing."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zoo_files
from zoo_files import MARK, bomb, training

from explain.engine import Engine, Job, Reply, answer
from explain.models import Allowed, adapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

TWO = ModelSchema(
    model="flights",
    task=Task.BINARY,
    features=(Feature(name="delay", kind=Kind.NUMERIC), Feature(name="seats", kind=Kind.INTEGER)),
    classes=("0", "1"),
)
FORMATS = {
    "xgboost": ("late.ubj", zoo_files.save_xgboost),
    "lightgbm": ("late.txt", zoo_files.save_lightgbm),
    "catboost": ("late.cbm", zoo_files.save_catboost),
    "sklearn": ("late.skops", zoo_files.save_sklearn),
    "onnx": ("late.onnx", zoo_files.save_onnx),
    "torch_export": ("late.pt2", zoo_files.save_export),
}
each = pytest.mark.parametrize("name", list(FORMATS))


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Every format's file, and what its own library answers to the training rows."""
    folder = tmp_path_factory.mktemp("formats")
    made = {name: (folder / file, save) for name, (file, save) in FORMATS.items()}
    return {name: (str(path), save(str(path))) for name, (path, save) in made.items()}


def allowed(path):
    return Allowed(files=(hashlib.sha256(Path(path).read_bytes()).hexdigest(),))


def load(name, path, schema=TWO, trust=None, **spec):
    given = {"adapter": name, "model": str(path), **spec}
    return adapter(given).load(given, schema, trust or allowed(path))


def rows():
    matrix, _ = training()
    return {"delay": matrix[:, 0], "seats": matrix[:, 1]}


@each
def test_a_model_answers_as_its_own_library_does(name, saved):
    path, expected = saved[name]
    spec = {"link": "sigmoid"} if name == "torch_export" else {}
    np.testing.assert_allclose(load(name, path, **spec).predict(rows()), expected, atol=1e-6)


@each
def test_the_fingerprint_is_of_the_files_contents_and_not_of_its_place(name, saved, tmp_path):
    path, _ = saved[name]
    copy = tmp_path / "copy"
    copy.write_bytes(Path(path).read_bytes())
    kind = adapter({"adapter": name})
    one = kind.fingerprint({"adapter": name, "model": path})
    assert kind.fingerprint({"adapter": name, "model": str(copy)}) == one
    assert kind.fingerprint({"adapter": name, "model": path, "columns": ["seats"]}) != one
    copy.write_bytes(b"other")
    assert kind.fingerprint({"adapter": name, "model": str(copy)}) != one


@each
def test_the_worker_explains_it_and_the_answer_adds_up(name, saved):
    path, _ = saved[name]
    spec = {"adapter": name, "model": path, "link": "sigmoid"}
    own, usual = {key: value[:1].tolist() for key, value in rows().items()}, {
        key: value[1:41].tolist() for key, value in rows().items()
    }  # fmt: skip
    job = Job(
        spec=spec, schema=TWO, model_hash=adapter(spec).fingerprint(spec), method="shapley", row=own, background=usual,
        seed=0, settings={},
    )  # fmt: skip
    found = Engine(allowed(path)).run(job)
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-9)
    assert any(found.attributions.values())
    assert found.quality["device"] in ("cpu", "cuda")


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "onnx", "sklearn"])
def test_columns_that_do_not_fit_say_so(name, saved):
    three = ModelSchema(
        model="flights", task=Task.BINARY, features=(*TWO.features, Feature(name="carrier", kind=Kind.CATEGORICAL)),
        classes=("0", "1"),
    )  # fmt: skip
    with pytest.raises(InvalidInput, match=r'carrier holds categorical.*"categories"'):
        load(name, saved[name][0], three)
    fits = load(name, saved[name][0], three, columns=["delay", "seats"])
    np.testing.assert_allclose(fits.predict(rows())[:5], load(name, saved[name][0]).predict(rows())[:5])


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_a_missing_number_goes_the_way_the_trees_learned(name, saved):
    given = {name_: column.copy() for name_, column in rows().items()}
    given["delay"][0] = np.nan
    assert np.isfinite(load(name, saved[name][0]).predict(given)).all()


def test_a_pipeline_fitted_to_a_table_takes_strings_and_nulls(tmp_path):
    import pandas as pd
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"carrier": rng.choice(["AA", "B6"], 80), "delay": rng.normal(size=80)})
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]), (SimpleImputer(), ["delay"])
    )
    model = make_pipeline(prepare, LogisticRegression()).fit(frame, np.where(frame["delay"] > 0, "late", "on time"))
    skops.io.dump(model, tmp_path / "p.skops")
    schema = ModelSchema(
        model="flights",
        task=Task.BINARY,
        features=(Feature(name="delay", kind=Kind.NUMERIC), Feature(name="carrier", kind=Kind.CATEGORICAL)),
        classes=("on time", "late"),
    )
    found = load("sklearn", tmp_path / "p.skops", schema).predict(
        {"delay": np.array([2.0, -2.0, np.nan]), "carrier": np.array(["AA", None, "ZZ"], dtype=object)}
    )
    assert found[0] > 0.9, "the positive class of the schema, whatever the order in the model"
    assert found[1] < 0.1


def test_an_exported_program_is_read_only_with_its_hash_on_the_list(saved):
    path, _ = saved["torch_export"]
    sha = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    with pytest.raises(InvalidInput, match=f"nobody trusts it.*explain.trusted_files: {sha}"):
        load("torch_export", path, trust=Allowed())


def garbage(name, folder):
    """Return hostile bytes for a format."""
    if name == "safetensors header past the end":
        return struct.pack("<Q", 2**40) + b"{}"
    if name == "zip with a pickle":
        with zipfile.ZipFile(folder / "z", "w") as file:
            file.writestr(
                "schema.json", json.dumps({"__class__": "Bomb", "__module__": "zoo_files", "__loader__": "X"})
            )
            file.writestr("data.pkl", bomb(folder))
        return (folder / "z").read_bytes()
    if name == "json of nothing":
        return b'{"learner": {"gradient_booster": 7}}'
    if name == "deep json":
        return b'{"learner":' * 500 + b"1" + b"}" * 500
    if name == "tree of lies":
        return (
            b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\nobjective=binary\n\nTree=0\n"
        )
    if name == "protobuf nested":
        return b"\x3a\x80\x80\x80\x80\x10" + b"\x3a\x02" * 40
    if name == "empty":
        return b""
    return bomb(folder)


@pytest.mark.parametrize("what", ["pickle", "zip with a pickle", "json of nothing", "deep json", "tree of lies",
                                  "protobuf nested", "safetensors header past the end", "empty"])  # fmt: skip
@each
def test_a_hostile_file_is_refused_and_runs_nothing(name, what, tmp_path):
    """Trusted by its hash where the format needs that: what is refused then is what cannot be read."""
    path = tmp_path / "model"
    path.write_bytes(garbage(what, tmp_path))
    trust = Allowed() if name == "torch_export" else allowed(path)
    with pytest.raises(InvalidInput):
        load(name, path, trust=trust)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6])
@each
def test_a_file_that_was_cut_short_is_refused(name, share, saved, tmp_path):
    body = Path(saved[name][0]).read_bytes()
    path = tmp_path / "model"
    path.write_bytes(body[: int(len(body) * share)])
    with pytest.raises(InvalidInput, match=str(path)):
        load(name, path)


def test_safetensors_cut_short_are_refused(tmp_path):
    from safetensors.numpy import save

    body = save({"weight": np.ones(1), "carrier": np.ones(3), "bias": np.ones(())})
    (tmp_path / "w.safetensors").write_bytes(body[:-5])
    (tmp_path / "c.json").write_text('{"numbers": ["delay"]}')
    spec = {
        "adapter": "torch", "class": "zoo_models:Linear", "weights": str(tmp_path / "w.safetensors"),
        "config": str(tmp_path / "c.json"),
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="weights and config do not fit"):
        adapter(spec).load(spec, TWO, Allowed(classes=("zoo_models:Linear",)))


def test_pickle_in_the_clothes_of_safetensors_runs_nothing(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(bomb(tmp_path))
    (tmp_path / "c.json").write_text('{"numbers": ["delay"]}')
    spec = {
        "adapter": "torch", "class": "zoo_models:Linear", "weights": str(tmp_path / "w.safetensors"),
        "config": str(tmp_path / "c.json"),
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="do not fit"):
        adapter(spec).load(spec, TWO, Allowed(classes=("zoo_models:Linear",)))
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("data", ["weights.bin", "../../../../etc/passwd", "/etc/passwd"])
def test_onnx_weights_in_other_files_are_refused_wherever_they_are(data, tmp_path):
    (tmp_path / "weights.bin").write_bytes(np.array([1.0, -0.01], "<f4").tobytes())
    zoo_files.save_onnx(tmp_path / "m.onnx", data=data)
    with pytest.raises(InvalidInput, match="keeps weights in other files"):
        load("onnx", tmp_path / "m.onnx")


def test_onnx_weights_elsewhere_are_found_inside_branches_too(tmp_path):
    from onnx import TensorProto, helper

    from explain.protobuf import external

    def constant(location):
        tensor = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
        if location:
            tensor.ClearField("float_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=location)
        node = helper.make_node("Constant", [], ["out"], value=tensor)
        value = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
        return helper.make_graph([node], "branch", [], [value])

    def model(location):
        branch = helper.make_node("If", ["c"], ["y"], then_branch=constant(None), else_branch=constant(location))
        condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
        value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
        return helper.make_model(helper.make_graph([branch], "g", [condition], [value])).SerializeToString()

    assert external(model("/etc/passwd"))
    assert not external(model(None))


def test_skops_with_a_type_that_nobody_trusts_names_it(tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(FunctionTransformer(zoo_files.bomb), tmp_path / "m.skops")
    with pytest.raises(InvalidInput, match=r"types that are not trusted: zoo_files\.bomb.*explain\.sklearn_types"):
        load("sklearn", tmp_path / "m.skops")
    with pytest.raises(InvalidInput, match="predicts nothing"):
        load("sklearn", tmp_path / "m.skops", trust=Allowed(types=("zoo_files.bomb",)))
    assert not (tmp_path / MARK).exists()


def test_the_worker_outlives_every_hostile_file(tmp_path, saved):
    """Refused, or at worst the process is replaced: the next explanation works."""
    path = tmp_path / "model"
    path.write_bytes(garbage("tree of lies", tmp_path))
    good = {"adapter": "xgboost", "model": saved["xgboost"][0]}
    engine = Engine(Allowed())

    def job(spec):
        own, usual = ({key: value[:n].tolist() for key, value in rows().items()} for n in (1, 9))
        return Job(
            spec=spec, schema=TWO, model_hash=adapter(spec).fingerprint(spec), method="shapley", row=own,
            background=usual, seed=0, settings={},
        )  # fmt: skip

    refused = msgspec.msgpack.decode(answer(engine, job({"adapter": "lightgbm", "model": str(path)})), type=Reply)
    assert (refused.error, refused.fatal) == ("InvalidInput", False)
    assert msgspec.msgpack.decode(answer(engine, job(good)), type=Reply).attribution is not None
