"""Settings, read once from environment variables with the prefix `OPTIM_`."""

from functools import cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every knob that is not part of a recipe. The README's table is made from this."""

    model_config = SettingsConfigDict(env_prefix="OPTIM_", frozen=True)

    home: Path = Field(
        default=Path.home() / ".inference-explorer",
        description="Folder of everything that is kept: models, samples, the default store.",
    )
    store: str = Field(
        default="",
        description="Database URL of the studies, such as postgresql://user@host/db; "
        "empty: SQLite in the home folder.",
    )
    scheduler: str = Field(
        default="",
        description="Address of a Dask scheduler that places the work, such as "
        "tcp://host:8786; empty: one embedded worker on this machine.",
    )
    max_model_mb: int = Field(default=2048, ge=1, description="Largest model accepted, in MB.")
    max_evalset_mb: int = Field(default=1024, ge=1, description="Largest EvalSet accepted, in MB.")
    step_memory_mb: int = Field(
        default=8192, ge=256, description="Memory one step (a child process) may use, in MB."
    )
    steps_memory_mb: int = Field(
        default=0,
        ge=0,
        description="Memory that all steps under way may use together, in MB; "
        "0: three quarters of the machine's.",
    )
    isolation: bool = Field(
        default=True,
        description="Whether steps run isolated from the system, as far as it allows that; "
        "`python -m optim doctor` says how far.",
    )
    step_seconds: int = Field(
        default=300, ge=5, description="Longest time one step may take, in s."
    )
    server_files: bool = Field(
        default=True,
        description="Whether the page may open files by their path on this machine; set it to "
        "false where others than its owner can reach the page.",
    )
    hosts: str = Field(
        default="",
        description="Names under which browsers may reach the server, such as app.example.com, "
        "separated by commas; empty: only localhost where it listens on localhost, else any.",
    )
    password_file: str = Field(
        default="",
        description="File whose first line is the password that the page asks for; empty: none is "
        "asked for.",
    )
    accounts: str = Field(
        default="",
        description="Where people log in elsewhere (OpenID Connect): the e-mail addresses, or "
        "domains such as @example.com, that may use the page, by commas; empty: everybody "
        "whom the provider lets log in.",
    )
    metrics: bool = Field(
        default=True, description="Whether `/metrics` counts studies and trials for a monitor."
    )
    metrics_token_file: str = Field(
        default="",
        description="File whose first line a monitor must send as its bearer token; empty: none "
        "is asked for.",
    )
    session_upload_mb: int = Field(
        default=4096, ge=1, description="Files that one browser session may have uploaded, in MB."
    )
    session_trials: int = Field(
        default=200, ge=1, description="Trials of one browser session that may wait or run."
    )
    browser: str = Field(
        default="",
        description="Chrome or Chromium on the server, which makes PDF and pictures of reports; "
        "empty: the first that is found; without one the page's own browser does it.",
    )
    lessons: Path | None = Field(
        default=None,
        description="Folder of further lessons for the Learn page, one Markdown file each; none "
        "by default.",
    )
    trial_seconds: float = Field(
        default=11.0,
        gt=0,
        description="Timing budget of one trial, in s: timing stops there, or sooner where the "
        "speed-up is known well.",
    )

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        """Children work in other folders, so a relative one would be another for each."""
        return home.expanduser().absolute()

    @property
    def store_url(self) -> str:
        """The database URL in use (SQLAlchemy's form)."""
        return self.store or f"sqlite:///{self.home / 'studies.db'}"


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
