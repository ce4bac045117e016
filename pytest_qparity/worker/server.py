"""The engine's side of a worker: calls come as frames, and are answered one after the other."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge
from pytest_qparity.version import __version__
from pytest_qparity.worker.arena import GivenArena
from pytest_qparity.worker.failures import failure_as_json
from pytest_qparity.worker.frames import PROGRESS, ChannelClosed, frame_of, read_frame
from pytest_qparity.worker.message import said_by
from pytest_qparity.worker.protocol import LONGEST_TOLD

if TYPE_CHECKING:
    import numpy as np

Held = dict[str, Any]  # what a worker keeps from one call to the next, such as its sessions
Value = Any  # plain JSON
Arrays = Mapping[str, "np.ndarray"]
TELL = "tell"  # in Held: a function that tells how far a long call is
Handler = Callable[[Held, Mapping[str, Any], Arrays], tuple[Value, Arrays]]


def handler(target: str) -> Handler:
    """The function that "package.module:function" names."""
    module, _, name = target.partition(":")
    found: Handler = getattr(importlib.import_module(module), name)
    return found


def serve(control: int, requests: int, replies: int) -> None:
    """Answer calls until the other side closes the channel."""
    for descriptor in (control, requests, replies):
        os.set_inheritable(descriptor, False)  # what an engine starts must not hold them open
    channel = socket.socket(fileno=control)
    arguments_arena, results_arena = GivenArena(requests), GivenArena(replies)
    sending = threading.Lock()  # engines tell from threads of their own
    held: Held = {TELL: partial(_tell, channel, sending)}
    channel.sendall(frame_of({"version": __version__, "pid": os.getpid()}))
    while True:
        try:
            request = read_frame(channel.recv)
        except (ChannelClosed, ConnectionError):
            return
        answer = _answered(request, held, arguments_arena, results_arena)
        with sending:
            channel.sendall(frame_of({"number": request["number"], **answer}))


def _tell(channel: socket.socket, sending: threading.Lock, text: str) -> None:
    with sending, contextlib.suppress(OSError):  # nobody listens any more: the next read says so
        channel.sendall(frame_of({PROGRESS: text[:LONGEST_TOLD]}))


def _answered(request: Mapping[str, Any], held: Held, given: GivenArena, results: GivenArena) -> dict[str, Any]:
    try:
        value, arrays = handler(request["call"])(held, request["arguments"], given.views(request["arrays"]))
        answer = {"value": value, "arrays": results.put(arrays)}
        frame_of(answer)  # what is no JSON, or too much of it, is an error of this call
    except CannotJudge as reason:
        return {"failure": failure_as_json(reason.failure)}
    except BaseException as error:  # noqa: BLE001  foreign code: its SystemExit must not end the worker in silence
        return {"error": said_by(error)}
    return answer
