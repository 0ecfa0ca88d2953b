from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Generic, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

class Task:
    id: str
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

class Result:
    @property
    def id(self) -> str: ...
    def revoke(self, revoke_once: bool = True) -> None: ...

class TaskWrapper(Generic[_P, _R]):
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> Result | None: ...
    def call_local(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def s(self, *args: _P.args, **kwargs: _P.kwargs) -> Task: ...
    def schedule(
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        *,
        eta: datetime | None = None,
        delay: float | timedelta | None = None,
    ) -> Result | None: ...

class _Storage:
    def initialize_schema(self) -> None: ...
    def close(self) -> bool: ...

class Huey:
    name: str
    immediate: bool
    storage: _Storage
    def __init__(
        self,
        name: str = ...,
        *,
        results: bool = ...,
        store_none: bool = ...,
        utc: bool = ...,
        immediate: bool = ...,
        **storage_kwargs: Any,
    ) -> None: ...
    def task(
        self,
        *,
        retries: int = ...,
        retry_delay: int = ...,
        retry_backoff: int = ...,
        priority: int | None = ...,
        context: bool = ...,
        name: str | None = ...,
        **kwargs: Any,
    ) -> Callable[[Callable[_P, _R]], TaskWrapper[_P, _R]]: ...
    def periodic_task(
        self,
        validate_datetime: Callable[[datetime], bool],
        *,
        retries: int = ...,
        retry_delay: int = ...,
        priority: int | None = ...,
        context: bool = ...,
        name: str | None = ...,
        **kwargs: Any,
    ) -> Callable[[Callable[_P, _R]], TaskWrapper[_P, _R]]: ...
    def signal(self, *signals: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...
    def enqueue(self, task: Task) -> Result | None: ...
    def dequeue(self) -> Task | None: ...
    def execute(self, task: Task, timestamp: datetime | None = None) -> Any: ...

class SqliteHuey(Huey): ...
class PostgresHuey(Huey): ...
class MemoryHuey(Huey): ...

def crontab(
    minute: str = "*",
    hour: str = "*",
    day: str = "*",
    month: str = "*",
    day_of_week: str = "*",
    strict: bool = False,
) -> Callable[[datetime], bool]: ...
