"""An owner's addresses are checked when they are written down: Watchglass asks no host that is not listed."""

import pytest

MODEL = {"schema": {"task": "binary", "features": [{"name": "x", "kind": "numeric"}]}}


@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "file:///etc/passwd", "http://127.0.0.1@evil/", "gopher:"])
def test_an_address_elsewhere_is_refused_for_a_model_and_for_a_version(api, url):
    assert api("PUT", "/v1/models/m", json=MODEL | {"settings": {"metrics_url": url}}).status_code == 422
    assert api("PUT", "/v1/models/m", json=MODEL).status_code == 201
    reply = api("PUT", "/v1/models/m/versions/1", json={"endpoint": {"metrics_url": url}})
    assert reply.status_code == 422
    assert "metrics_url" in reply.json()["detail"]


def test_one_on_this_machine_is_kept(api):
    url = "http://127.0.0.1:8002/metrics"
    body = MODEL | {"settings": {"metrics_url": url}}
    assert api("PUT", "/v1/models/m", json=body).json()["settings"]["metrics_url"] == url
    reply = api("PUT", "/v1/models/m/versions/1", json={"endpoint": {"metrics_url": url}})
    assert reply.json()["endpoint"] == {"metrics_url": url}


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/v2", "http://169.254.169.254/v2", "127.0.0.1:9000", "http://ann:secret@127.0.0.1/v2"]
)
def test_an_address_at_which_no_model_can_be_asked_is_refused_when_it_is_registered(api, url):
    api("PUT", "/v1/models/m", json=MODEL)
    reply = api("PUT", "/v1/models/m/versions/1", json={"endpoint": {"url": url}})
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("endpoint")
    assert "secret" not in reply.text
    assert api("GET", "/v1/models/m").json()["versions"] == []
