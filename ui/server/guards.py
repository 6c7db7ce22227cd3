"""What stands before everything that the server answers, and what does not."""

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from optim.home.secret_files import secret_in
from optim.settings import settings
from ui.server import accounts
from ui.server.accounts import AccountGuard
from ui.server.headers import GuardedHeaders
from ui.server.hosts import allowed_hosts, listens_here_only
from ui.server.login import Login
from ui.server.metrics_guard import MetricsGuard
from ui.server.scripts import PackedScripts
from ui.server.uploads import UploadQuota


def middleware() -> list[Middleware]:
    """The guards, the outermost first. Raises InputError where a secret cannot be read."""
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(), www_redirect=False)
    if settings().metrics_token_file:
        secret_in(settings().metrics_token_file)  # now, rather than when a monitor asks
    return [
        Middleware(GuardedHeaders),
        hosts,
        *([Middleware(Login, password=password())] if password() else []),
        Middleware(AccountGuard),
        Middleware(MetricsGuard),
        Middleware(UploadQuota),
        Middleware(PackedScripts),  # no guard: behind all of them
    ]


def password() -> str:
    """The password that the server asks for; empty where it asks for none."""
    return secret_in(settings().password_file) if settings().password_file else ""


def exposed() -> str:
    """A warning where anybody on the network may use the server; else empty."""
    if listens_here_only() or password() or accounts.configured():
        return ""
    return (
        "Everybody who can reach this server can use it, since it listens on other interfaces "
        "than localhost and asks for no password. Set OPTIM_PASSWORD_FILE, or let it listen on "
        "localhost."
    )
