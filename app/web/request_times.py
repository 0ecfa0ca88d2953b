"""How long requests take, measured in every web process for ``/metrics``.

The processes of one server write into files of one folder, and any of them adds all of them up when it is asked. A
process that ended leaves its file behind, because what it counted still counts.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.config import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestTimes:
    """How long requests took, by surface and class of the status. To measure one takes a few microseconds.

    The library is imported here: a server without metrics need not spend the memory, and the library looks for the
    folder when it is imported.
    """

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Histogram

        self._registry = CollectorRegistry()
        self._histogram = Histogram(
            "assent_http_request_duration_seconds",
            "How long requests took, by surface and class of the status.",
            ("surface", "status"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._known: dict[tuple[str, int], Histogram] = {}

    def observe(self, surface: str, status: int, duration_s: float) -> None:
        """Count one request."""
        key = surface, status // 100
        if (of_key := self._known.get(key)) is None:
            of_key = self._known[key] = self._histogram.labels(surface, f"{status // 100}xx")
        of_key.observe(duration_s)

    def registry(self) -> "CollectorRegistry":
        """What all processes of this server measured, to which other metrics can be added."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        if _FOLDER in os.environ:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self._histogram)
        return registry


@contextmanager
def own_folder(configured: Settings) -> Iterator[None]:
    """Give the processes of this server a new folder for what they measure; it is removed at the end.

    Call it before the application is created and before any process is forked; inside another one it does nothing.
    """
    if not configured.metrics_token or _FOLDER in os.environ:
        yield
        return
    folder = os.environ[_FOLDER] = tempfile.mkdtemp(prefix="assent-metrics-")
    try:
        yield
    finally:
        os.environ.pop(_FOLDER, None)
        shutil.rmtree(folder, ignore_errors=True)
