"""What can be set, with its default, its bounds and what it is for."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "WATCHGLASS_"
MIB = 2**20


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")
    return value


Whole = Annotated[int, BeforeValidator(_not_bool)]
Number = Annotated[float, BeforeValidator(_not_bool)]


class SchedulerConfig(BaseModel):
    """When the jobs run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True, description="Run due jobs by themselves. false: only `watchglass run` runs them."
    )
    every_seconds: Number = Field(
        default=60.0, gt=0, description="How often to look for windows that are due, in seconds."
    )


class ExplainConfig(BaseModel):
    """What may be loaded and called to explain a prediction, and what it may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[str, ...] = Field(
        default=(), description='Torch classes that may be loaded for explanations, as "package.module:Class".'
    )
    sklearn_types: tuple[str, ...] = Field(
        default=(), description="Types that a scikit-learn file (skops) may hold beside those that skops trusts."
    )
    trusted_files: tuple[str, ...] = Field(
        default=(), description="sha256 of model files that may run code when they are loaded (.pt2), one by one."
    )
    endpoints: tuple[str, ...] = Field(
        default=("127.0.0.1", "localhost", "::1"),
        description="Hosts whose served models may be asked, for explanations and for their metrics.",
    )
    timeout_s: Number = Field(default=60.0, gt=0, description="Longest time one explanation may take, in seconds.")
    memory_mb: Whole = Field(default=2048, ge=256, description="Most memory the explaining process may take, in MiB.")
    threads: Whole = Field(default=2, ge=1, description="Threads that a model may take in the explaining process.")
    attribution_rows: Whole = Field(
        default=100_000,
        ge=0,
        description="Model rows a day and version that may be asked to see whether what it goes by has changed; 0: "
        "none.",
    )

    @field_validator("classes")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            module, colon, found = name.partition(":")
            if not (colon and found.isidentifier() and all(part.isidentifier() for part in module.split("."))):
                raise ValueError(f'names like "package.module:Class", not {name!r}')
        return value


class ServersConfig(BaseModel):
    """How often model servers are asked for their metrics, and this machine for its GPUs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True, description="Ask model servers that owners named, and read this machine's GPUs."
    )
    every_seconds: Number = Field(default=15.0, ge=1, description="How often, in seconds.")
    keep_days: Whole = Field(
        default=90, ge=1, le=3660, description="How many days hourly means are kept; each figure is kept for one day."
    )


class ProfilesConfig(BaseModel):
    """How long profiles are kept, which all charts are made of; rows have settings of their own, by model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hourly_days: Whole = Field(
        default=35, ge=1, le=3660, description="How many days are kept by the hour, for windows that cut a day."
    )
    daily_days: Whole = Field(default=396, ge=1, le=36600, description="How many days are kept by the day (13 months).")


class DeadLettersConfig(BaseModel):
    """How much is kept of what could not be stored, and for how long: it is kept as it was sent, unmasked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body_bytes: Whole = Field(
        default=64 * 2**10, ge=0, description="Most bytes kept of one; of longer ones only the beginning. 0: none."
    )
    days: Number = Field(default=7.0, gt=0, description="How long they are kept, in days.")
    letters: Whole = Field(default=10_000, ge=1, le=100_000, description="Most kept of one model; the oldest go first.")
    total_bytes: Whole = Field(default=64 * MIB, ge=0, description="Most bytes kept of one model; the oldest go first.")


class HalvesConfig(BaseModel):
    """What happens to one side of an exchange whose other side does not come, such as of a request that failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    orphan_minutes: Number = Field(
        default=10.0,
        gt=0,
        description="After so long it is counted as an orphan; it is paired all the same if it comes.",
    )
    days: Number = Field(default=7.0, gt=0, description="How long it is kept, and a repeated event known, in days.")
    halves: Whole = Field(default=100_000, ge=1, description="Most kept of one model; the oldest go first.")
    total_bytes: Whole = Field(
        default=256 * MIB, ge=0, description="Most bytes kept of one model; the oldest go first."
    )


class Config(BaseSettings):
    """Everything that can be set. Made by `load` from file and environment, or directly in code (which reads neither).

    >>> Config(port=9090).base_url
    'http://127.0.0.1:9090'
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__")

    data_dir: Path = Field(default=Path("watchglass_data"), description="Where the database and the reports are kept.")
    host: str = Field(
        default="127.0.0.1", description="Address to listen on; only this machine's own (loopback) for now."
    )
    port: Whole = Field(
        default=8080, ge=0, le=65535, description="Port for capture, API and dashboard. 0: any free one."
    )
    base_url: str = Field(default="", description="The address in links of alerts. Empty: http://host:port.")
    memory_limit: str = Field(default="1GB", description="Most memory the database may take.")
    threads: Whole = Field(default=2, ge=1, description="Threads of the database.")
    max_body_bytes: Whole = Field(default=10 * MIB, ge=1024, description="Largest request body taken, in bytes.")
    body_timeout_s: Number = Field(
        default=10.0, gt=0, description="Longest time a request body may stand still, in seconds; then 408."
    )
    body_bytes: Whole = Field(
        default=64 * MIB,
        ge=MIB,
        description="Most bytes of request bodies in memory at once; more wait for 3 s, then: 429, try later.",
    )
    queue_bytes: Whole = Field(
        default=64 * MIB, ge=MIB, description="Most bytes waiting to be stored; beyond: 429, try later."
    )
    disk_reserve: str = Field(
        default="auto",
        description='What stays free on the disk: capture answers 507 below it. "auto": 5 %, from 64MiB to 1GiB.',
    )
    kernel: Literal["auto", "numpy", "numba"] = Field(
        default="auto",
        description='How columns are counted; the profiles are the same. "auto": numba for large batches if installed.',
    )
    clock: Literal["system", "manual"] = Field(
        default="system", description='"manual": time stands still until PUT /v1/clock moves it, for replays and tests.'
    )
    scheduler: SchedulerConfig = SchedulerConfig()
    dead_letters: DeadLettersConfig = DeadLettersConfig()
    halves: HalvesConfig = HalvesConfig()
    profiles: ProfilesConfig = ProfilesConfig()
    explain: ExplainConfig = ExplainConfig()
    servers: ServersConfig = ServersConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base says which arguments there are
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is given: `load` reads file and environment, so that code and tests are not swayed by it."""
        return (init_settings,)

    @field_validator("memory_limit")
    @classmethod
    def _size(cls, value: str) -> str:
        if not re.fullmatch(r"\d+(\.\d+)? ?([KMGT]i?B)", value):
            raise ValueError('a size such as "1GB" or "512MiB"')
        return value

    @field_validator("disk_reserve")
    @classmethod
    def _reserve(cls, value: str) -> str:
        return value if value == "auto" else cls._size(value)

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        try:
            own = value == "localhost" or ipaddress.ip_address(value.strip("[]")).is_loopback
        except ValueError:
            own = False
        if not own:
            raise ValueError(
                "a loopback address (127.0.0.1, ::1, localhost). Watchglass has no access control yet, so whoever "
                "reached it could read all captured data: for other machines put an authenticating proxy in front"
            )
        return value

    @model_validator(mode="after")
    def _own_address(self) -> Self:
        if not self.base_url:
            host = f"[{self.host}]" if ":" in self.host else self.host
            object.__setattr__(self, "base_url", f"http://{host}:{self.port}")
        return self
