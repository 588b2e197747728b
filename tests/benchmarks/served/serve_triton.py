"""NVIDIA Triton through nvidia-pytriton, and its client: ``serve PORT`` or ``drive CASE URL NOTES``."""

import sys

import numpy as np
from iris import NAMES, Notes, rows, tensor, train


def serve(port):
    """Serve until terminated."""
    from pytriton.decorators import batch
    from pytriton.model_config import ModelConfig, Tensor
    from pytriton.triton import Triton, TritonConfig

    classify = train()

    @batch
    def infer(features, half, place):
        found = classify(features)
        words = np.array([[NAMES[one].encode()] for one in found.argmax(1)])
        return {"probabilities": found, "species": words, "halved": (half / 2).astype(np.float16)}

    inputs = [
        Tensor(name="features", dtype=np.float32, shape=(4,)),
        Tensor(name="half", dtype=np.float16, shape=(2,)),
        Tensor(name="place", dtype=bytes, shape=(1,)),
    ]
    outputs = [
        Tensor(name="probabilities", dtype=np.float32, shape=(3,)),
        Tensor(name="species", dtype=bytes, shape=(1,)),
        Tensor(name="halved", dtype=np.float16, shape=(2,)),
    ]
    ports = {"http_port": int(port), "grpc_port": int(port) + 1, "metrics_port": int(port) + 2}
    with Triton(config=TritonConfig(http_address="127.0.0.1", grpc_address="127.0.0.1", **ports)) as triton:
        triton.bind("iris", infer, inputs=inputs, outputs=outputs, config=ModelConfig(max_batch_size=16))
        triton.serve()


def drive(case, url, notes):
    """Ask through Triton's own client."""
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

    client = InferenceServerClient(url.removeprefix("http://"))
    binary = case == "v2_binary"
    for x in rows(case):
        half = x[:, :2].astype(np.float16)
        place = np.array([[f"Straße {value:.2f}".encode()] for value in x[:, 0]], object)
        given = []
        for name, values, datatype in (("features", x, "FP32"), ("half", half, "FP16"), ("place", place, "BYTES")):
            one = InferInput(name, list(values.shape), datatype)
            one.set_data_from_numpy(values, binary_data=binary or datatype == "FP16")
            given.append(one)
        wanted = [InferRequestedOutput(name, binary_data=True) for name in ("probabilities", "halved")]
        wanted.append(InferRequestedOutput("species", binary_data=binary))
        told = client.infer("iris", given, outputs=wanted)
        answers = {name: told.as_numpy(name) for name in ("probabilities", "species", "halved")}
        asked = [tensor("features", x.astype(float)), tensor("half", half.astype(float)), tensor("place", place)]
        floats = [tensor(name, answers[name].astype(float)) for name in ("probabilities", "halved")]
        notes.add(asked, [floats[0], tensor("species", answers["species"]), floats[1]])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kept = Notes(sys.argv[4])
        drive(sys.argv[2], sys.argv[3], kept)
        kept.close()
