"""KServe's log batches in its three formats."""

import base64
import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.collectors.kserve_blob import KServeBlob
from monitor.collectors.pairing import pair
from monitor.errors import InvalidInput

ASKED, ANSWERED = b'{"instances": [[5.5, 3.5]]}', b'{"predictions": [[0.25, 0.75]]}'


def record(side, body, **more):
    return {
        "url": "s3://bucket/logs", "bytes": base64.b64encode(body).decode(), "contentType": "application/json",
        "reqType": f"org.kubeflow.serving.inference.{side}", "id": "e-1", "sourceUri": "http://localhost:9081/",
        "inferenceService": "iris", "namespace": "prod", "component": "predictor", "endpoint": "default",
        "metadata": '{"X-Request-Id":["abc"]}', "annotations": "", "certName": "", "tlsSkipVerify": False, **more,
    }  # fmt: skip


RECORDS = [record("request", ASKED), record("response", ANSWERED)]


def as_json(records):
    # As Go writes the structure: its own names, addresses as objects, headers as a map.
    titled = [{key[0].upper() + key[1:]: value for key, value in each.items()} for each in records]
    for each in titled:
        each["Url"] = {"Scheme": "s3", "Host": "bucket"}
        each["Metadata"] = json.loads(each["Metadata"])
        each["Annotations"] = None
    return json.dumps(titled).encode()


def as_csv(records):
    out = io.StringIO()
    writer = csv.DictWriter(out, RECORDS[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**each, "tlsSkipVerify": "false"} for each in records)
    return out.getvalue().encode()


def as_parquet(records):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), sink)
    return sink.getvalue()


def halves(body, **headers):
    return list(KServeBlob().parse(body, headers))


@pytest.mark.parametrize("write", [as_json, as_csv, as_parquet])
def test_every_format_gives_the_same_halves(write):
    """Which the event's id joins; also compressed."""
    body = write(RECORDS)
    asked, answered = halves(body)
    assert (asked.exchange, asked.side, asked.id, asked.model, asked.time) == ("e-1", "request", "abc", "iris", None)
    assert (asked.parameters["ce-component"], asked.parameters["ce-endpoint"]) == ("predictor", "default")
    (row,) = pair(asked, answered)
    assert (row.id, row.features, row.scores) == ("abc:0", {"input-0": 5.5, "input-1": 3.5}, (0.25, 0.75))
    assert halves(gzip.compress(body)) == [asked, answered]
    named = halves(body, **{"watchglass-columns": "temp,wind"})
    assert named[0].columns == {"temp": [5.5], "wind": [3.5]}


@pytest.mark.parametrize("write", [as_json, as_csv, as_parquet])
def test_a_bad_record_does_not_cost_the_others(write):
    """The good ones come, then the error with the bad one's place."""
    found = iter(KServeBlob().parse(write([RECORDS[0], record("response", b"plain"), RECORDS[1]]), {}))
    assert [next(found).side, next(found).side] == ["request", "response"]
    with pytest.raises(InvalidInput, match=r"1 of 3 records .* record 2"):
        next(found)


def test_long_bodies_fit_into_a_csv_field():
    """A body of a hundred thousand numbers is one field."""
    asked = json.dumps({"instances": [[0.123456789] * 100_000]}).encode()
    (found,) = halves(as_csv([record("request", asked)]))
    assert found.columns == {"input": [[0.123456789] * 100_000]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "batch of log records"),
        (b"a,b\n1,2\n", "the first line"),
        (b"bytes" + b",a" * 1_000_000 + b"\n", "the first line"),
        (b"[1]", "got int"),
        (b"[{}]", "base64"),
        (b'[{"id": "e", "bytes": "e30="}]', "type"),
        (b"PAR1", "Parquet"),
        (as_parquet(RECORDS)[:-20] + as_parquet(RECORDS)[-8:], "Parquet"),
        (as_parquet([{"x": 1}]), "base64"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_reason(body, says):
    """Whatever its first bytes promise."""
    with pytest.raises(InvalidInput, match=f"kserve_blob.*{says}"):
        halves(body)
