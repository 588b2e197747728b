"""How one Watchglass is set up: ``watchglass.toml``, overruled by the environment (``WATCHGLASS_…``), typed.

A key of a table is written with two underscores in the environment: ``WATCHGLASS_EXPLAIN__TIMEOUT_S=30``.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from monitor.errors import ConfigError

FILE = "watchglass.toml"
"""Read from the working directory unless another path is given, or named in ``WATCHGLASS_CONFIG``."""

PREFIX = "WATCHGLASS_"
_ELSEWHERE = {"WATCHGLASS_CONFIG", "WATCHGLASS_URL", "WATCHGLASS_API_KEY"}  # read by the command line and the client

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
    endpoints: tuple[str, ...] = Field(
        default=("127.0.0.1", "localhost", "::1"),
        description="Hosts whose served models may be asked for explanations.",
    )
    timeout_s: Number = Field(default=60.0, gt=0, description="Longest time one explanation may take, in seconds.")
    memory_mb: Whole = Field(default=2048, ge=256, description="Most memory the explaining process may take, in MiB.")
    threads: Whole = Field(default=2, ge=1, description="Threads of the explaining process.")

    @field_validator("classes")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            module, colon, found = name.partition(":")
            if not (colon and found.isidentifier() and all(part.isidentifier() for part in module.split("."))):
                raise ValueError(f'names like "package.module:Class", not {name!r}')
        return value


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
    queue_bytes: Whole = Field(
        default=64 * MIB, ge=MIB, description="Most bytes waiting to be stored; beyond: 503, try later."
    )
    clock: Literal["system", "manual"] = Field(
        default="system", description='"manual": time stands still until PUT /v1/clock moves it, for replays and tests.'
    )
    scheduler: SchedulerConfig = SchedulerConfig()
    explain: ExplainConfig = ExplainConfig()

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


_TABLES: dict[str, type[BaseModel]] = {"scheduler": SchedulerConfig, "explain": ExplainConfig}


def load(path: Path | str | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration of file and environment; the environment has the last word.

    Args:
        path: the file; if not given, ``WATCHGLASS_CONFIG`` or ``watchglass.toml`` here, or none.
        environ: the environment, the process's own if not given.

    Raises:
        ConfigError: the file is not there or not TOML, a key is unknown, or its value is not allowed.
    """
    environment = os.environ if environ is None else environ
    given = path or environment.get("WATCHGLASS_CONFIG")
    file = Path(given) if given else Path(FILE)
    values = _from_file(file) if given or file.exists() else {}
    named = [name for name in environment if name.startswith(PREFIX) and name not in _ELSEWHERE]
    for name in named:
        _known(tuple(name.removeprefix(PREFIX).lower().split("__")), name)
    _known_keys(values, str(file))
    return _checked(_merged(values, _from_environment({name: environment[name] for name in named})))


def example_toml() -> str:
    """Return a file with every key, what it is for and its default; reading it gives exactly the defaults."""
    lines = [
        "# Watchglass: how this one is set up. Every key is here with its default.",
        f"# The environment overrules it: {PREFIX}PORT=9090, {PREFIX}EXPLAIN__TIMEOUT_S=30.",
    ]
    plain = {key: field for key, field in Config.model_fields.items() if key not in _TABLES}
    for key, field in plain.items():
        lines += ["", f"# {field.description}", f"{key} = {_toml(field.default)}"]
    for table, kind in _TABLES.items():
        lines += ["", f"[{table}]"]
        for key, field in kind.model_fields.items():
            lines += [f"# {field.description}", f"{key} = {_toml(field.default)}"]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def _from_file(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; `watchglass init` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    source = EnvSettingsSource(Config)
    source.env_vars = {name.lower(): value for name, value in environment.items()}
    try:
        return source()
    except SettingsError as error:
        raise ConfigError(f'environment: {error}; a list is written as JSON: ["a", "b"]') from None


def _merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    out = dict(under)
    for key, value in over.items():
        below = out.get(key)
        out[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return out


def _allowed() -> list[str]:
    keys = [key for key in Config.model_fields if key not in _TABLES]
    return keys + [f"{table}.{key}" for table, kind in _TABLES.items() for key in kind.model_fields]


def _known_keys(values: Mapping[str, object], where: str) -> None:
    for key, value in values.items():
        if key in _TABLES and isinstance(value, Mapping):
            for inner in value:
                _known((key, inner), f"{where}: {key}.{inner}")
        elif key not in _TABLES:
            _known((key,), f"{where}: {key}")


def _known(key: tuple[str, ...], shown: str) -> None:
    allowed = _allowed()
    name = ".".join(key)
    if name in allowed or name in _TABLES:
        return
    near = get_close_matches(name, allowed, n=1, cutoff=0.0)[0]
    raise ConfigError(f"{shown}: no such key; the nearest is {near}. Allowed: {', '.join(allowed)}")


def _checked(values: Mapping[str, object]) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = []
        for found in error.errors():
            key = ".".join(str(part) for part in found["loc"]) or "configuration"
            wanted = found["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            lines.append(f"{key}: got {found['input']!r}; allowed: {wanted}")
        raise ConfigError("; ".join(lines)) from None
