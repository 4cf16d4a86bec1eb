"""A process that runs conditions and nothing else: one question in, the values of the rules out.

Run as a script, never imported by the exchange: it starts in a twentieth of a second because it knows
nothing but regorus. Its standard input is a socket; a frame is four bytes of length, big-endian, and JSON.

Whatever a module does here, at worst this process ends: memory is limited by the kernel, and a timer that the
interpreter cannot delay ends a question that never does (T30, F20). The exchange sees the socket close.
"""

from __future__ import annotations

import json
import resource
import signal
import socket
import sys
from collections import OrderedDict
from typing import Any

import regorus

ENGINES_MAX = 256
GRACE_S = 0.25
"""After the limit that the exchange keeps itself; only an orphan ever lives to see this timer."""


def main(limit_s: float, memory_bytes: int) -> None:
    """Answer questions until the other side closes the socket."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the exchange's to handle
    engines: OrderedDict[str, Any] = OrderedDict()
    with socket.socket(fileno=0) as peer, peer.makefile("rwb") as stream:
        while len(head := stream.read(4)) == 4:  # noqa: PLR2004 -- the length of a length
            asked = json.loads(stream.read(int.from_bytes(head, "big")))
            signal.setitimer(signal.ITIMER_REAL, limit_s + GRACE_S)
            reply = json.dumps(_reply(engines, asked)).encode()
            signal.setitimer(signal.ITIMER_REAL, 0)
            stream.write(len(reply).to_bytes(4, "big") + reply)
            stream.flush()


def _reply(engines: OrderedDict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    key = asked["key"]
    if "modules" in asked:
        engines[key] = regorus.Engine()
        try:
            for file, text in asked["modules"]:
                engines[key].add_policy(file, text)
        except Exception as error:  # noqa: BLE001 -- told to the exchange, which names the line
            del engines[key]
            return {"error": str(error)}
        if len(engines) > ENGINES_MAX:
            engines.popitem(last=False)
    if key not in engines:
        return {"unknown": True}
    engines.move_to_end(key)
    engine = engines[key].clone()
    engine.set_input_json(asked["input"])
    try:
        return {"values": [engine.eval_rule_as_json(rule) for rule in asked["rules"]]}
    except BaseException as error:  # noqa: BLE001 -- a panic of the engine is no Exception
        return {"error": str(error)}


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
