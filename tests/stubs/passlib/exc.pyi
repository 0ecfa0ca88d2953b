class TokenError(ValueError): ...

class UsedTokenError(TokenError):
    expire_time: int | None
