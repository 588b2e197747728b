"""What every served model and every client here share: a classifier of irises, and the notes of what was sent.

Runs inside the environments of the servers, so it imports nothing of Watchglass.
"""

import json
import random
from pathlib import Path

import numpy as np

REQUESTS = 25
NAMES = ("setosa", "versicolor", "virginica")


def rows(case: str):
    """Yield batches of one to five flowers as float32, the same for every run of a case."""
    draw = random.Random(case)
    for _ in range(REQUESTS):
        yield np.array([[draw.uniform(0, 8) for _ in range(4)] for _ in range(draw.randint(1, 5))], np.float32)


def train():
    """Return a function from float32 [n, 4] to float32 probabilities [n, 3], trained on the flowers."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
    return lambda x: model.predict_proba(np.asarray(x, np.float64)).astype(np.float32)


def tensor(name, values):
    """Return a tensor by rows, as the notes hold it."""
    array = np.asarray(values)
    if array.dtype.kind in "SO":
        array = np.array([one.decode() if isinstance(one, bytes) else str(one) for one in array.ravel()]).reshape(
            array.shape
        )
    return {"name": name, "rows": array.reshape(len(array), -1).tolist()}


class Notes:
    """Notes of a client: what it sent and what it was answered, request by request."""

    def __init__(self, path):
        self._file = Path(path).open("w")  # noqa: SIM115 - closed by close

    def add(self, inputs, outputs):
        """Note one exchange."""
        self._file.write(json.dumps({"inputs": inputs, "outputs": outputs}) + "\n")

    def close(self):
        """Write the rest."""
        self._file.close()
