"""Models that are fetched, from a server of this machine for itself."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pooch
import pytest
import requests

from pytest_qparity.case import fetching
from pytest_qparity.case.fetching import fetched
from pytest_qparity.case.schema import UrlModel
from pytest_qparity.verdict import CannotJudge, Code, Failure

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ANYTHING = "0" * 64


class Server(http.server.ThreadingHTTPServer):
    """Answers each path as `answers` says, and knows which paths it was asked for."""

    answers: dict[str, Callable[[Handler], None]]
    asked: list[str]
    closing: threading.Event


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        with contextlib.suppress(ConnectionError):  # a client that has had enough
            self.server.answers[self.path](self)

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.asked, server.closing = {}, [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def sending(content: bytes, **headers: object) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.head(200, **({"Content_Length": len(content)} | headers))
        handler.wfile.write(content)

    return answer


def redirecting(location: str) -> Callable[[Handler], None]:
    return lambda handler: handler.head(302, Location=location, Content_Length=0)


def address(server: Server, path: str = "/m.onnx") -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def fetch(server: Server, cache: Path, sha256: str = SHA256, size_mb: float = 1.0) -> Path:
    return fetched(UrlModel(url=address(server), sha256=sha256, size_mb=size_mb), cache)


def refusal(server: Server, cache: Path, sha256: str = SHA256, size_mb: float = 1.0) -> Failure:
    """The failure; of what was fetched so far nothing is left, under whatever name."""
    with pytest.raises(CannotJudge) as caught:
        fetch(server, cache, sha256, size_mb)
    assert caught.value.failure.code is Code.MODEL_DOWNLOAD
    assert {path.suffix for path in cache.iterdir()} <= {".lock"}
    return caught.value.failure


def test_a_model_is_fetched_once_and_fetched_again_when_the_cached_file_is_damaged(
    server: Server, tmp_path: Path
) -> None:
    server.answers["/m.onnx"] = sending(CONTENT)

    path = fetch(server, tmp_path)
    assert fetch(server, tmp_path) == path
    assert len(server.asked) == 1
    assert path.read_bytes() == CONTENT

    path.write_bytes(CONTENT[:-1])
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_cached_model_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / f"{SHA256}.onnx").write_bytes(CONTENT)

    assert fetched(UrlModel(url="http://127.0.0.1:1/m.onnx", sha256=SHA256), tmp_path).read_bytes() == CONTENT


def test_a_file_that_is_not_the_one_named_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.answers["/m.onnx"] = sending(CONTENT)

    failure = refusal(server, tmp_path, ANYTHING)

    assert failure.sentence.startswith("Got ValueError: SHA256 hash")
    assert failure.sentence.endswith(f" from {address(server)}, should be the file with SHA-256 {ANYTHING}.")
    assert failure.remedy == f"fetch it by other means and put it at {tmp_path / ANYTHING}.onnx"


def test_what_is_not_found_is_refused(server: Server, tmp_path: Path) -> None:
    server.answers["/m.onnx"] = lambda handler: handler.head(404, Content_Length=0)

    assert refusal(server, tmp_path).sentence.startswith("Got HTTPError: 404")


def test_the_digest_is_checked_before_the_file_has_its_name(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/m.onnx"] = sending(CONTENT)
    checked: list[str] = []
    check = pooch.core.hash_matches

    def noting(name: str, *arguments: object, **more: object) -> bool:
        checked.append(name)
        assert not (tmp_path / f"{SHA256}.onnx").exists()
        return bool(check(name, *arguments, **more))

    monkeypatch.setattr(pooch.core, "hash_matches", noting)

    fetch(server, tmp_path)

    assert [Path(name).parent for name in checked] == [tmp_path]


def test_a_download_that_breaks_off_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.answers["/m.onnx"] = sending(CONTENT[:-1], Content_Length=len(CONTENT))

    refusal(server, tmp_path)


def test_a_download_that_is_interrupted_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(target: Path, *_: object) -> None:
        target.write_bytes(CONTENT[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching, "_stream_to", interrupted)

    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".lock"}


def test_a_file_that_says_it_is_too_large_is_not_read(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        handler.head(200, Content_Length=1_000_001)
        handler.server.closing.wait()  # whoever reads on waits for the rest

    server.answers["/m.onnx"] = answer

    failure = refusal(server, tmp_path)

    assert failure.sentence == f"Got more than 1 MB from {address(server)}, should be at most size_mb = 1."
    assert failure.remedy == "set size_mb in [model] if the model is that large, or check the address"


@pytest.mark.parametrize("encoding", ["", "chunked"])
def test_a_file_that_does_not_say_how_large_it_is_is_counted(server: Server, tmp_path: Path, encoding: str) -> None:
    def answer(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.1" if encoding else "HTTP/1.0"
        handler.close_connection = True
        handler.head(200, **({"Transfer_Encoding": encoding} if encoding else {}))
        for _ in range(400):  # 4 MB, if it is let
            handler.wfile.write(b"2800\r\n" + CONTENT + b"\r\n" if encoding else CONTENT)
        handler.wfile.write(b"0\r\n\r\n" if encoding else b"")

    server.answers["/m.onnx"] = answer

    assert refusal(server, tmp_path, size_mb=0.1).sentence == (
        f"Got more than 0.1 MB from {address(server)}, should be at most size_mb = 0.1."
    )
    whole = CONTENT * 400
    assert fetch(server, tmp_path, hashlib.sha256(whole).hexdigest(), size_mb=5.0).read_bytes() == whole


def test_no_encoding_is_asked_for_and_none_is_undone(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        assert handler.headers["Accept-Encoding"] == "identity"
        sending(CONTENT, Content_Encoding="gzip")(handler)

    server.answers["/m.onnx"] = answer

    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_redirects_are_followed_relative_ones_too(server: Server, tmp_path: Path) -> None:
    server.answers["/m.onnx"] = redirecting("elsewhere")
    server.answers["/elsewhere"] = redirecting(address(server, "/at-last"))
    server.answers["/at-last"] = sending(CONTENT)

    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("location", "scheme"),
    [("file:///etc/hostname", "file"), ("ftp://127.0.0.1/m.onnx", "ftp"), ("FILE:/etc/hostname", "file")],
)
def test_redirects_off_the_web_are_refused(server: Server, tmp_path: Path, location: str, scheme: str) -> None:
    server.answers["/m.onnx"] = redirecting(location)

    assert refusal(server, tmp_path).sentence == (
        f'Got a redirect to "{scheme}:" from {address(server)}, should be http or https all the way.'
    )


def test_redirects_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.answers["/m.onnx"] = redirecting("/m.onnx")

    assert refusal(server, tmp_path).sentence == (
        f"Got more than 5 redirects from {address(server)}, should be the file after fewer."
    )
    assert len(server.asked) == 6


def test_what_comes_with_a_redirect_is_not_read(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "READ_S", 2.0)

    def answer(handler: Handler) -> None:
        handler.head(302, Location="/elsewhere", Content_Length=1)
        handler.server.closing.wait()  # whoever reads on waits for the rest

    server.answers["/m.onnx"] = answer
    server.answers["/elsewhere"] = sending(CONTENT)

    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "READ_S", 0.05)

    def answer(handler: Handler) -> None:
        handler.head(200, Content_Length=len(CONTENT))
        handler.wfile.write(CONTENT[:10])
        handler.server.closing.wait()

    server.answers["/m.onnx"] = answer

    assert refusal(server, tmp_path).sentence.startswith("Got ReadTimeoutError: ")


def test_connecting_and_reading_have_their_limits(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/m.onnx"] = sending(CONTENT)
    limits: list[object] = []
    send = requests.Session.send

    def noting(*arguments: object, **more: object) -> requests.Response:
        limits.append(more["timeout"])
        return send(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.Session, "send", noting)

    fetch(server, tmp_path)

    assert limits == [(fetching.CONNECT_S, fetching.READ_S)]


def test_a_link_in_the_cache_is_no_way_to_another_file(server: Server, tmp_path: Path) -> None:
    server.answers["/m.onnx"] = sending(CONTENT)
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / f"{SHA256}.onnx").symlink_to(other)

    assert fetch(server, cache).read_bytes() == CONTENT
    assert other.read_bytes() == b"precious"
    assert not (cache / f"{SHA256}.onnx").is_symlink()
