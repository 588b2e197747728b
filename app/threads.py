"""How many threads linear algebra takes in the server's process."""

import os

NAMES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread() -> None:
    """Have linear algebra take one thread, unless the environment says otherwise; call it before numpy is imported.

    The products of jobs (`monitor.detection.classifier`) are small, and on many processors its own threads would wait
    for each other, and take those of capture. Their sums are then the same whatever the machine, too.
    """
    for name in NAMES:
        os.environ.setdefault(name, "1")
