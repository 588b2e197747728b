"""The process that makes Evidently's page: the only place that imports evidently.

Run as ``python -P -m monitor.reports.evidently_page FOLDER``; reads ``task.json``, ``reference.arrow`` and
``current.arrow`` there and writes ``evidently.html`` and ``result.json``.
"""

import base64
import hashlib
import json
import os
import re
import socket
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc


def main(folder: Path) -> None:
    """Do the task that lies in a folder."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _no_network()
    started = time.perf_counter()
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    tables = {name: _load(folder / f"{name}.arrow") for name in ("reference", "current")}
    warnings.simplefilter("ignore")  # pandas and scipy warn about columns that are isolated below
    try:
        found = _compare(tables, task)
    except ModuleNotFoundError as error:
        found = {"problem": f"{error.name} is not installed: pip install 'watchglass[reports]'."}
    else:
        page = found.pop("page")
        if page is None:
            found["problem"] = "no column could be compared."
        else:
            (folder / "evidently.html").write_text(confined(page), encoding="utf-8")
    found["seconds"] = time.perf_counter() - started
    (folder / "result.json").write_text(json.dumps(found), encoding="utf-8")


def _end_with(parent: int) -> None:
    """End this process when the server is gone, however it went: nobody waits for the page any more."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _no_network() -> None:
    """Take away every way to the network: telemetry is off by the environment, and this makes sure of it."""

    def refuse(*_: object, **__: object) -> Any:
        raise OSError("a report makes no network request")

    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection"):
        setattr(socket, name, refuse)


def _load(path: Path) -> pa.Table:
    with pyarrow.ipc.open_file(path) as file:
        return file.read_all()


def _compare(tables: Mapping[str, pa.Table], task: Mapping[str, Any]) -> dict[str, Any]:
    """Compare all columns that can be compared; each is tried alone first, so that none takes the others down."""
    left_out, usable = {}, []
    for column in [*task["numbers"], *task["categories"]]:
        reason = _empty(tables, column)
        if not reason:
            try:
                _report(tables, [column], task)
            except Exception as error:  # noqa: BLE001 - whatever evidently raises over one column concerns that column
                reason = f"Evidently failed: {type(error).__name__}"
        if reason:
            left_out[column] = reason
        else:
            usable.append(column)
    page = _report(tables, usable, task).get_html_str(as_iframe=False) if usable else None
    return {"left_out": left_out, "page": page}


def _empty(tables: Mapping[str, pa.Table], column: str) -> str:
    for name, table in tables.items():
        if not pc.count(table[column]).as_py():
            return f"no values in the {'reference' if name == 'reference' else 'window'}"
    return ""


def _report(tables: Mapping[str, pa.Table], columns: Sequence[str], task: Mapping[str, Any]) -> Any:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=[name for name in columns if name in task["numbers"]],
        categorical_columns=[name for name in columns if name in task["categories"]],
    )
    data = {
        name: Dataset.from_pandas(table.select(list(columns)).to_pandas(), data_definition=definition)
        for name, table in tables.items()
    }
    preset = DataDriftPreset(columns=list(columns), drift_share=0.5, **task["methods"])
    return Report([preset]).run(current_data=data["current"], reference_data=data["reference"])


def confined(page: str) -> str:
    """Return a page that may run the scripts it came with, and fetch or send nothing."""
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    allowed = " ".join(f"'sha256-{digest}'" for digest in sorted(digests))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return re.sub(r"(<head[^>]*>)", lambda found: found.group(1) + meta, page, count=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
