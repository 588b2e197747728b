"""Sixty bad inputs by number, all of them."""

from tests.benchmarks import fuzz_cases_bodies, fuzz_cases_meaning
from tests.benchmarks.fuzz_case import CASES, try_case

__all__ = ["CASES", "fuzz_cases_bodies", "fuzz_cases_meaning", "try_case"]
