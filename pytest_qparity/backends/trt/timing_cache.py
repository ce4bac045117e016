"""TensorRT's timings of its kernels, kept from one build to the next: builds are faster and choose the same kernels."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import FileLock

from pytest_qparity.durable import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import tensorrt as trt


class TimingCacheFile:
    """A file of timings for one version of TensorRT on one model of GPU."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def give_to(self, config: trt.IBuilderConfig) -> None:
        """What was timed before; an empty one where there is nothing, or nothing that TensorRT takes."""
        for content in (self._read(), b""):
            cache = config.create_timing_cache(content)
            if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
                return

    def take_from(self, config: trt.IBuilderConfig) -> None:
        """Keep what was timed, beside what another process kept in the meantime. That it cannot be kept costs time
        alone."""
        timed = config.get_timing_cache()
        if timed is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock")):
                other = config.create_timing_cache(self._read())
                if other is not None:
                    timed.combine(other, ignore_mismatch=False)
                write_bytes(self._path, bytes(timed.serialize()))

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return b""
