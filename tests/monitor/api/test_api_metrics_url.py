"""An owner's metrics address is checked when it is written down: Watchglass asks no host that is not listed."""

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
