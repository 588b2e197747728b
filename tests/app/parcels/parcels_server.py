"""The seeded store behind the real application, on a port: ``python parcels_server.py DIRECTORY PORT``."""

import sys
from pathlib import Path

import uvicorn
from parcels_seed import open_seeded

from app.server import create_app

if __name__ == "__main__":
    seeded = open_seeded(Path(sys.argv[1]), int(sys.argv[2]))
    seeded.runtime.explain.warm()
    print("READY", seeded.faulty, seeded.alert, flush=True)  # noqa: T201 - told to the test that started this
    uvicorn.run(create_app(seeded.runtime), port=int(sys.argv[2]), log_level="warning")
