"""Read the configuration of file and environment, with errors that name the key; write an example."""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from monitor.config.settings import (
    PREFIX,
    Config,
    DeadLettersConfig,
    ExplainConfig,
    HalvesConfig,
    ProfilesConfig,
    SchedulerConfig,
    ServersConfig,
)
from monitor.errors import ConfigError

FILE = "watchglass.toml"
"""Read from the working directory unless another path is given, or named in ``WATCHGLASS_CONFIG``."""

_ELSEWHERE = {"WATCHGLASS_CONFIG", "WATCHGLASS_URL", "WATCHGLASS_API_KEY"}  # read by the command line and the client
_TABLES: dict[str, type[BaseModel]] = {
    "scheduler": SchedulerConfig,
    "dead_letters": DeadLettersConfig,
    "halves": HalvesConfig,
    "profiles": ProfilesConfig,
    "explain": ExplainConfig,
    "servers": ServersConfig,
}


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
