"""Operations says when nothing is captured, and who was told to come again."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import app
from app.runtime import Runtime, set_runtime
from monitor.config import Config
from monitor.errors import DiskFull


def test_a_full_disk_and_refused_requests_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime.open(Config(data_dir=tmp_path, clock="manual"), scheduling=False)
    try:
        set_runtime(runtime)
        monkeypatch.setattr(runtime.ingest.disk, "_look", lambda _: (2**30, 10**6))
        runtime.ingest.disk.room()
        with pytest.raises(DiskFull):
            runtime.ingest.check("nobody")
        at = AppTest.from_file(str(Path(app.__file__).parent / "main.py"), default_timeout=120).run()
        at.switch_page("views/operations.py").run()
        assert not at.exception
        assert "1.0 MB are free" in at.error[0].value
        told = [frame.value for frame in at.dataframe if "Requests" in frame.value]
        assert told[0]["Why"].tolist() == ["The disk had no room (507)"]
        assert told[0]["Requests"].tolist() == [1]
    finally:
        runtime.close()
