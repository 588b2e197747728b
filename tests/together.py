"""Which tests one worker runs when several share the work: those of a file that share something dear.

The mark ``xdist_group`` would say it beside them, but pytest 9.2 no longer reads what xdist 3.8 writes for it: each
worker then starts a server, a browser or a demo of its own, unsaid.
"""

from xdist.scheduler import LoadScopeScheduling

FILES = (
    "tests/app/demo/test_demo_whole.py",
    "tests/browser/test_dashboard.py",
    "tests/monitor/api/test_api_sixty.py",
)


class Together(LoadScopeScheduling):
    """Gives each of `FILES` to one worker, and every other test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in FILES else nodeid
