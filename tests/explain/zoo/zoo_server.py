"""A small V2 server on loopback that keeps what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class V2Server(ThreadingHTTPServer):
    """Answers 0.5 + delay / 100 per row (null: 0.25), and keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.closing = threading.Event()
        self.answers = []  # what to answer first, before behaving
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.closing.set()
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v2/models/m/infer"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((dict(self.headers), body))
        status, answer = self.server.answers.pop(0) if self.server.answers else (200, self.scores(body))
        if answer is None:  # says nothing until the server is closed
            self.server.closing.wait()
            return
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        if status in (301, 302, 303, 307, 308):
            self.send_header("location", "http://169.254.169.254/latest/meta-data")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def scores(self, body):
        delay = next(tensor["data"] for tensor in body["inputs"] if tensor["name"] == "delay")
        data = [0.25 if value is None else 0.5 + value / 100 for value in delay]
        label = {"name": "label", "datatype": "BYTES", "shape": [len(data)], "data": ["late"] * len(data)}
        return {"outputs": [label, {"name": "p", "datatype": "FP32", "shape": [len(data), 1], "data": data}]}

    def log_message(self, *_):
        pass
