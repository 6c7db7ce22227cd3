"""What a server refuses, and how each protocol says so."""


class Refused(Exception):
    """A request that is not answered; `status` is HTTP's, `code` gRPC's name of the same."""

    status = 500
    code = "INTERNAL"


class BadRequest(Refused):
    """It is not what the model takes."""

    status = 400
    code = "INVALID_ARGUMENT"


class NotThere(Refused):
    """There is no such model."""

    status = 404
    code = "NOT_FOUND"


class TooLarge(Refused):
    """It has more bytes than this server reads."""

    status = 413
    code = "RESOURCE_EXHAUSTED"


class Overloaded(Refused):
    """More waits than the server will let wait; to be tried again later, or elsewhere."""

    status = 503
    code = "RESOURCE_EXHAUSTED"


class TooLate(Refused):
    """It waited longer than it may."""

    status = 504
    code = "DEADLINE_EXCEEDED"


class Stopping(Refused):
    """The server is draining: what it has taken is answered, what comes is not."""

    status = 503
    code = "UNAVAILABLE"
