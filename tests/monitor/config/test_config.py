"""Configuration: what is right is read, what is wrong is named."""

import pytest

from monitor.config import Config, DeadLettersConfig, ExplainConfig, SchedulerConfig, example_toml, load
from monitor.errors import ConfigError


def test_the_example_has_every_key_and_is_exactly_the_defaults(tmp_path):
    """So that writing it changes nothing."""
    file = tmp_path / "watchglass.toml"
    file.write_text(example_toml())
    assert load(file, environ={}) == Config()
    lines = example_toml().splitlines()
    for kind in (Config, SchedulerConfig, DeadLettersConfig, ExplainConfig):
        for key, field in kind.model_fields.items():
            assert any(line.startswith((f"{key} = ", f"[{key}]")) for line in lines)
            assert f"[{key}]" in lines or f"# {field.description}" in lines


def test_without_file_and_environment_there_are_the_defaults(tmp_path, monkeypatch):
    """Nothing needs to be set."""
    monkeypatch.chdir(tmp_path)
    assert load(environ={}) == Config()


def test_a_file_here_is_found_and_the_environment_has_the_last_word(tmp_path, monkeypatch):
    """File, then environment; tables merge key by key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watchglass.toml").write_text("port = 9000\nthreads = 4\n[explain]\ntimeout_s = 5\nthreads = 1\n")
    found = load(environ={"WATCHGLASS_PORT": "9001", "WATCHGLASS_EXPLAIN__TIMEOUT_S": "7.5", "HOME": "/"})
    assert (found.port, found.threads) == (9001, 4)
    assert (found.explain.timeout_s, found.explain.threads) == (7.5, 1)
    assert found.base_url == "http://127.0.0.1:9001"


def test_the_file_may_be_named_in_the_environment(tmp_path):
    """WATCHGLASS_CONFIG."""
    file = tmp_path / "other.toml"
    file.write_text('data_dir = "/var/lib/watchglass"')
    assert str(load(environ={"WATCHGLASS_CONFIG": str(file)}).data_dir) == "/var/lib/watchglass"


def test_lists_in_the_environment_are_json():
    """As in pydantic's settings."""
    found = load(environ={"WATCHGLASS_EXPLAIN__CLASSES": '["shop.model:Net"]', "WATCHGLASS_API_KEY": "x"})
    assert found.explain.classes == ("shop.model:Net",)


def test_code_is_not_swayed_by_the_environment(monkeypatch):
    """A configuration made in code is what it says."""
    monkeypatch.setenv("WATCHGLASS_PORT", "1")
    assert Config(port=5).port == 5
    assert Config().port == 8080


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", r"prot: no such key; the nearest is port\. Allowed: data_dir, host"),
        ("[explain]\ntimeout = 3", "explain.timeout: no such key; the nearest is explain.timeout_s"),
        ('port = "many"', "port: got 'many'; allowed: a valid integer"),
        ("port = true", "port: got True; allowed: a number"),
        ("port = 99999", "port: got 99999; allowed: less than or equal to 65535"),
        ("explain = 3", "explain: got 3"),
        ('clock = "sundial"', "clock: got 'sundial'; allowed: 'system' or 'manual'"),
        ('memory_limit = "lots"', "memory_limit: got 'lots'; allowed: a size such as \"1GB\""),
        ('[explain]\nclasses = ["Net"]', "explain.classes: .*package.module:Class"),
        ("[scheduler]\nevery_seconds = 0", "scheduler.every_seconds: got 0"),
        ("port = ", "not TOML"),
    ],
)
def test_errors_name_the_key_what_was_got_and_what_is_allowed(tmp_path, text, says):
    """An error that can be mended from its message alone."""
    file = tmp_path / "watchglass.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load(file, environ={})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WATCHGLASS_PROT", "1", "WATCHGLASS_PROT: no such key; the nearest is port"),
        ("WATCHGLASS_PORT", "abc", "port: got 'abc'"),
        ("WATCHGLASS_EXPLAIN__CLASSES", "shop.model:Net", "a list is written as JSON"),
        ("WATCHGLASS_CONFIG", "/nowhere/watchglass.toml", "watchglass init"),
    ],
)
def test_errors_of_the_environment_name_the_variable_or_key(name, value, says):
    """As for the file."""
    with pytest.raises(ConfigError, match=says):
        load(environ={name: value})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.com", ""])
def test_hosts_that_others_reach_are_refused_with_the_reason(host):
    """Until there is access control."""
    with pytest.raises(ConfigError, match="no access control yet"):
        load(environ={"WATCHGLASS_HOST": host})


@pytest.mark.parametrize(("host", "url"), [("localhost", "http://localhost:8080"), ("::1", "http://[::1]:8080")])
def test_loopback_hosts_are_taken(host, url):
    """Links follow the host."""
    assert load(environ={"WATCHGLASS_HOST": host}).base_url == url
