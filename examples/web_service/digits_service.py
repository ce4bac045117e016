"""The service: a request holds a digit's pixels, the answer names it. The gate judges with its `preprocess`."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnxruntime

MODEL = Path(__file__).parent / "models" / "digits_int8.onnx"


def preprocess(body: bytes) -> np.ndarray:
    """Of a request's JSON, `pixels` of 8 by 8 numbers from 0 (paper) to 16 (ink): float32 (1, 1, 8, 8) in 0..1."""
    pixels = np.asarray(json.loads(body)["pixels"], np.float32)
    if pixels.shape != (8, 8):
        raise ValueError(f"got pixels of shape {pixels.shape}, should be (8, 8)")
    return pixels[np.newaxis, np.newaxis] / np.float32(16)


class DigitsServer(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], model: Path = MODEL) -> None:
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        super().__init__(address, _Digits)


class _Digits(BaseHTTPRequestHandler):
    server: DigitsServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            sample = preprocess(body)
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": str(error)})
            return
        logits = self.server.session.run(["logits"], {"input": sample})[0]
        self._answer(200, {"digit": int(logits[0].argmax())})

    def _answer(self, status: int, told: dict[str, object]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a log of your own goes here."""


if __name__ == "__main__":
    with DigitsServer(("127.0.0.1", 8000)) as server:
        server.serve_forever()
