"""Worker processes that end with the process that started them, also where it is killed."""

from __future__ import annotations

import os


def end_with_parent() -> None:
    """Call this first in a worker, as the `initializer` of its pool: it would wait for work for ever."""
    import threading
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def follow() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
