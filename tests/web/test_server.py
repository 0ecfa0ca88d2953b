"""Limits of the system that the web server changes."""

import subprocess
import sys

_LIMITED = """
import resource
from app.web.server import raise_open_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
raise_open_file_limit(3000)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_the_limit_of_open_files_is_raised_as_far_as_the_system_allows() -> None:
    for hard, allowed in ((4000, 3000), (1000, 1000)):
        done = subprocess.run(
            [sys.executable, "-c", _LIMITED.format(hard=hard)], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == allowed
