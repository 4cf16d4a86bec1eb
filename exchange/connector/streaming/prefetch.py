"""Works ahead: the next batches are scanned and enforced while the last one is on its way to the consumer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
DEPTH = 2


class Prefetch(Generic[T]):
    """Runs a generator in a thread of its own, never more than `depth` items ahead.

    All of the generator runs in that one thread, its end too, because sources may insist on it. A stalled
    consumer therefore costs `depth` items of memory and no more (F13).

    Args:
        make: the generator; called in the thread.
        done: called in the thread when the generator has ended, however it ended.
        depth: items to hold.
    """

    def __init__(self, make: Callable[[], Iterator[T]], done: Callable[[], None], depth: int = DEPTH) -> None:
        self._make = make
        self._done = done
        self._depth = depth
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._produce, name="scan", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        """The generator's items; raises what it raised; ends early once closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended or self._closed)
                if self._closed or not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None and not self._closed:
            raise self._error

    def close(self) -> None:
        """Ask the generator to end after the item it works on; wakes whoever waits. Idempotent."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def _produce(self) -> None:
        error: BaseException | None = None
        try:
            self._run()
        except BaseException as raised:  # noqa: BLE001 - it belongs to the reader, who raises it
            error = raised
        finally:
            self._done()
            with self._changed:
                self._error, self._ended = error, True
                self._changed.notify_all()

    def _run(self) -> None:
        items = self._make()
        try:
            for item in items:
                if not self._put(item):
                    return
        finally:
            # Closed here and now, not when the collector comes by: it holds the scan.
            getattr(items, "close", lambda: None)()

    def _put(self, item: T) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._depth or self._closed)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed
