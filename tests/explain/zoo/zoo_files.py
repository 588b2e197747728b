"""Models in every format that is read, made in a second, and files that pretend to be one."""

import pickle
from pathlib import Path

import numpy as np

MARK = "executed"
"""The name of the file that hostile models leave behind if anything of theirs is run."""


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return (Path.touch, (Path(self.folder) / MARK,))


def training(rows=200):
    """Return (delay, seats) and whether it is late, with an interaction."""
    rng = np.random.default_rng(0)
    matrix = np.stack([rng.normal(size=rows), rng.integers(50, 300, rows).astype(float)], axis=1)
    late = (matrix[:, 0] * np.where(matrix[:, 1] > 150, 1, -1) + rng.normal(size=rows) / 10 > 0).astype(int)
    return matrix, late


def save_xgboost(path):
    import xgboost

    matrix, late = training()
    booster = xgboost.train({"max_depth": 3, "objective": "binary:logistic"}, xgboost.DMatrix(matrix, late), 10)
    booster.save_model(path)
    return booster.predict(xgboost.DMatrix(matrix))


def save_lightgbm(path):
    import lightgbm

    matrix, late = training()
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(matrix, late), 10
    )
    booster.save_model(path)
    return booster.predict(matrix)


def save_catboost(path):
    import catboost

    matrix, late = training()
    model = catboost.CatBoostClassifier(
        iterations=20, depth=4, random_seed=0, thread_count=1, verbose=0, allow_writing_files=False
    )
    model.fit(matrix, late)
    model.save_model(path)
    return model.predict_proba(matrix)[:, 1]


def save_sklearn(path):
    import skops.io
    from sklearn.linear_model import LogisticRegression

    matrix, late = training()
    model = LogisticRegression().fit(matrix, late)
    skops.io.dump(model, path)
    return model.predict_proba(matrix)[:, 1]


def save_onnx(path, *, data=None):
    """Write sigmoid(x · w); ``data`` is where the weights are said to be instead of in the file."""
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [1.0, -0.01])
    if data is not None:
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        for key, value in (("location", data), ("offset", "0"), ("length", "8")):
            weights.external_data.add(key=key, value=value)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Sigmoid", ["z"], ["p"])]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 1])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    Path(path).write_bytes(model.SerializeToString())
    matrix, _ = training()
    return 1 / (1 + np.exp(-(matrix @ [1.0, -0.01])))


def save_export(path):
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).eval()
    with torch.no_grad():
        module[0].weight[:, 1] *= 0.01  # seats are hundreds
    rows = {0: torch.export.Dim("n", min=1, max=100_000)}
    program = torch.export.export(module, (torch.zeros(3, 2),), dynamic_shapes=(rows,))
    torch.export.save(program, path)
    matrix, _ = training()
    with torch.no_grad():
        return torch.sigmoid(module(torch.from_numpy(matrix).float()))[:, 0].double().numpy()


def bomb(folder):
    """Return a pickle that leaves a mark."""
    return pickle.dumps(Bomb(folder))
