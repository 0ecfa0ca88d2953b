from logging import Logger

class HttpClient:
    def __init__(self, logger: Logger, is_async: bool, timeout: float | None = None) -> None: ...
