"""Become another command in another folder: ``python -m tests.benchmarks.servers_exec FOLDER COMMAND…``."""

import os
import sys

if __name__ == "__main__":
    os.chdir(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])
