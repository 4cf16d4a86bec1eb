"""Which requests still stand on which revision, so that a revocation, once acknowledged, is total (T31)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from exchange.policy.bundle import Bundle
from exchange.policy.holder import BundleHolder


class InForce:
    """Hands out the bundle in force, and knows who still works with an older one."""

    def __init__(self, holder: BundleHolder) -> None:
        self._holder = holder
        self._users: Counter[int] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def bundle(self) -> Iterator[Bundle]:
        """One revision for one whole request, from the decision until its ticket is signed."""
        with self._changed:
            # taken and counted as one act: whoever waits for older ones cannot miss this user
            bundle = self._holder.current
            self._users[bundle.revision] += 1
        try:
            yield bundle
        finally:
            with self._changed:
                self._users[bundle.revision] -= 1
                if not self._users[bundle.revision]:
                    del self._users[bundle.revision]
                self._changed.notify_all()

    def wait_for_older(self, revision: int, timeout_s: float) -> bool:
        """Wait until no request works with a revision before this one; False if some still do."""
        with self._changed:
            return self._changed.wait_for(lambda: all(used >= revision for used in self._users), timeout_s)
