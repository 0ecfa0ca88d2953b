"""What the web server asks of the system."""

import subprocess
import sys

_LIMITED = """
import resource
from app.web.server import allow_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
allow_open_files(3000)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_it_may_hold_many_connections_where_the_system_allows_it() -> None:
    for hard, allowed in ((4000, 3000), (1000, 1000)):
        told = subprocess.run(
            [sys.executable, "-c", _LIMITED.format(hard=hard)], capture_output=True, text=True, check=True
        )
        assert int(told.stdout) == allowed
