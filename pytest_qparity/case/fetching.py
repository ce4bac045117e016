"""A model that is fetched: streamed within its size, by http or https alone, and kept once its digest is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    import requests

    from pytest_qparity.case.schema import UrlModel

CONNECT_S = 10.0  # seconds until a server answers a connection
READ_S = 60.0  # seconds of silence in the middle of an answer
MOST_REDIRECTS = 5
_CHUNK = 2**16  # bytes
_SCHEMES = ("http", "https")


class _Refused(Exception):  # noqa: N818  told to nobody: it becomes a failure below
    """What a server offers and is not taken. `remedy` is None where only another way to the file helps."""

    def __init__(self, got: str, should: str, remedy: str | None = None) -> None:
        super().__init__(got, should, remedy)
        self.got = got
        self.should = should
        self.remedy = remedy


def fetched(source: UrlModel, cache: Path) -> Path:
    """The file, fetched where `cache` does not hold it with this digest. pooch checks the digest of what is there, and
    of what came under a temporary name before it gets its own."""
    import filelock
    import pooch

    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"{source.sha256}.onnx"
    by_other_means = f"fetch it by other means and put it at {target}"

    def download(url: str, output_file: str, _pooch: object) -> None:
        _stream_to(Path(output_file), url, source.size_mb)

    with filelock.FileLock(cache / f"{source.sha256}.lock"):
        try:
            pooch.retrieve(source.url, f"sha256:{source.sha256}", fname=target.name, path=cache, downloader=download)
        except _Refused as error:
            sentence = f"Got {error.got} from {source.url}, should be {error.should}."
            raise CannotJudge(Failure(Code.MODEL_DOWNLOAD, sentence, error.remedy or by_other_means)) from None
        except Exception as error:  # noqa: BLE001  pooch lets through what requests, urllib3 and the socket raise
            lines = str(error).strip().splitlines() or [""]
            raise CannotJudge(
                Failure(
                    Code.MODEL_DOWNLOAD,
                    f"Got {type(error).__name__}: {lines[0]} from {source.url}, "
                    f"should be the file with SHA-256 {source.sha256}.",
                    by_other_means,
                    "no network, or the file at this address has changed",
                )
            ) from None
    return target


def _stream_to(target: Path, url: str, largest_mb: float) -> None:
    """Write what the server sends, byte for byte: what it calls an encoding is not undone, the digest is of the file.

    A size that it states is believed only where it is too large.
    """
    too_large = _Refused(
        f"more than {largest_mb:,g} MB",
        f"at most size_mb = {largest_mb:g}",
        "set size_mb in [model] if the model is that large, or check the address",
    )
    with _session() as session, _answer(session, url) as response, target.open("wb") as file:
        response.raise_for_status()
        stated = response.headers.get("Content-Length", "")
        if stated.isdecimal() and int(stated) > largest_mb * 1e6:
            raise too_large
        written = 0
        for part in response.raw.stream(_CHUNK, decode_content=False):
            written += len(part)
            if written > largest_mb * 1e6:
                raise too_large
            file.write(part)


def _session() -> requests.Session:
    import requests

    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> str | None:
            """None: redirects are followed below. requests would read all that comes with one, whatever its size."""

    session = Session()
    session.headers["Accept-Encoding"] = "identity"
    return session


def _answer(session: requests.Session, url: str) -> requests.Response:
    """What stands at the end of the redirects; its body is not read yet."""
    for _ in range(MOST_REDIRECTS + 1):
        scheme = urlsplit(url).scheme
        if scheme not in _SCHEMES:
            raise _Refused(f'a redirect to "{scheme}:"', "http or https all the way")
        response = session.get(url, stream=True, timeout=(CONNECT_S, READ_S), allow_redirects=False)
        if not response.is_redirect:
            return response
        response.close()
        url = urljoin(url, response.headers["Location"])
    raise _Refused(f"more than {MOST_REDIRECTS} redirects", "the file after fewer")
