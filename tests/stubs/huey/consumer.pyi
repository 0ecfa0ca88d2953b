from huey import Huey

class Consumer:
    huey: Huey
    def __init__(
        self,
        huey: Huey,
        workers: int = ...,
        periodic: bool = ...,
        initial_delay: float = ...,
        backoff: float = ...,
        max_delay: float = ...,
        scheduler_interval: int = ...,
        worker_type: str = ...,
        check_worker_health: bool = ...,
        health_check_interval: int = ...,
        flush_locks: bool = ...,
        extra_locks: list[str] | None = ...,
        max_tasks: int | None = ...,
        shutdown_timeout: float | None = ...,
        graceful_signal: str = ...,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self, graceful: bool = False) -> None: ...
    def run(self) -> None: ...
