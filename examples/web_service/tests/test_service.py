"""The service answers over HTTP with the model that the gate judges."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from digits_service import DigitsServer
from recorded import FOLDER


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with DigitsServer(("127.0.0.1", 0)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_recorded_request_is_answered_as_it_was_labelled(address: str) -> None:
    body = (FOLDER / "test.jsonl").read_bytes().splitlines()[0]

    with urllib.request.urlopen(address, data=body, timeout=30) as answer:
        told = json.load(answer)

    assert told == {"digit": json.loads(body)["digit"]}


def test_a_request_without_pixels_is_refused(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, data=b'{"pixels": [[1, 2]]}', timeout=30)

    assert refused.value.code == 400
