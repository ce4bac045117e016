"""Engines that meddle with descriptors, streams and the memory shared with pytest."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from tests.faults.engines.sound import Outputs, SoundSession, descriptors


class ClosesDescriptorsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.closerange(0, max(descriptors()) + 1)
        return super().run(feed)


class PrintsFramesSession(SoundSession):
    """What looks like an answer, on stdout and stderr, also past Python's own streams."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        forged = b'{"number":3,"value":null,"arrays":[]}'
        os.write(1, len(forged).to_bytes(4, "big") + forged)
        os.write(2, len(forged).to_bytes(4, "big") + forged)
        print(forged.decode())
        return super().run(feed)


class WritesIntoTheChannelSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for descriptor in descriptors():
            try:
                os.write(descriptor, b"\xff\xff\xff\xff no frame at all")
            except OSError:
                continue
        return super().run(feed)


class ShrinksTheMemorySession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        for descriptor in descriptors():
            try:
                os.ftruncate(descriptor, 1)
            except OSError:
                continue
        return outputs


class TalksMuchSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for _ in range(32):
            os.write(2, b"W: falling back\n" * 65536)
        return super().run(feed)
