"""KServe's Python server, and its clients: ``serve PORT`` or ``drive CASE URL NOTES``."""

import asyncio
import sys

from iris import Notes, rows, tensor, train


def serve(port):
    """Serve until terminated."""
    from kserve import Model, ModelServer
    from kserve.utils.utils import get_predict_response

    class Iris(Model):
        def load(self):
            self.classify = train()
            self.ready = True

        async def predict(self, payload, headers=None, response_headers=None):
            values = payload["instances"] if isinstance(payload, dict) else payload.inputs[0].as_numpy()
            return get_predict_response(payload, self.classify(values), self.name)

    model = Iris("iris")
    model.load()
    ModelServer(http_port=int(port), enable_grpc=False, workers=1).start([model])


async def drive(case, url, notes):
    """Ask through KServe's own client."""
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
    from kserve.protocol.infer_type import RequestedOutput

    client = InferenceRESTClient(RESTConfig(protocol="v1" if case == "v1" else "v2", retries=0, timeout=60))
    for number, x in enumerate(rows(case)):
        if case == "v1":
            told = await client.infer(url, {"instances": x.tolist()}, model_name="iris")
            notes.add([tensor("input", x.tolist())], [tensor("output", told["predictions"])])
            continue
        given = InferInput(name="input-0", shape=list(x.shape), datatype="FP32")
        given.set_data_from_numpy(x, binary_data=case == "v2_binary")
        wanted = [RequestedOutput("output-0", {"binary_data": case == "v2_binary"})]
        request = InferRequest(
            request_id=f"{case}-{number}", model_name="iris", infer_inputs=[given], request_outputs=wanted
        )
        told = await client.infer(url, request, model_name="iris")
        answer = told.outputs[0].as_numpy()
        notes.add([tensor("input-0", x.astype(float))], [tensor("output-0", answer.astype(float))])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kept = Notes(sys.argv[4])
        asyncio.run(drive(sys.argv[2], sys.argv[3], kept))
        kept.close()
