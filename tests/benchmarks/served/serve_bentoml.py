"""A BentoML service with a monitor, and its client: ``serve PORT`` or ``drive CASE URL NOTES``."""

import os
import sys
from pathlib import Path

import numpy as np
from iris import Notes, rows, tensor

SERVICE = """
import sys
sys.path.insert(0, {here!r})
import bentoml
import numpy as np
from iris import train


@bentoml.service(workers=1)
class Iris:
    def __init__(self):
        self.classify_all = train()

    @bentoml.api
    def classify(self, x: np.ndarray) -> np.ndarray:
        found = self.classify_all(x)
        with bentoml.monitor("iris_monitor") as monitor:
            monitor.log(x.tolist(), name="x", role="feature", data_type="numerical_sequence")
            monitor.log(found.tolist(), name="p", role="prediction", data_type="numerical_sequence")
        return found
"""


def serve(port):
    """Serve until terminated; the monitor writes below the working folder."""
    Path("iris_service.py").write_text(SERVICE.format(here=str(Path(__file__).parent)))
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    tool = str(Path(sys.executable).parent / "bentoml")
    os.execv(tool, [tool, "serve", "iris_service:Iris", "--host", "127.0.0.1", "--port", port])


def drive(case, url, notes):
    """Ask through BentoML's own client."""
    import bentoml

    with bentoml.SyncHTTPClient(url) as client:
        for x in rows(case):
            answer = np.asarray(client.classify(x=x))
            notes.add([tensor("x", x.astype(float))], [tensor("output", answer.astype(float))])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kept = Notes(sys.argv[4])
        drive(sys.argv[2], sys.argv[3], kept)
        kept.close()
