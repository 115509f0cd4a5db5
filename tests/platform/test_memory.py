"""What a process does with its garbage collector before it begins to work."""

import subprocess
import sys

PROGRAM = """
import gc
from openvoucher.platform.memory import settle_memory
before = gc.get_threshold()[0]
settle_memory()
print(before < gc.get_threshold()[0], gc.get_freeze_count() > 1000, gc.isenabled())
"""


def test_what_is_loaded_is_left_alone_and_new_objects_are_looked_at_seldom_but_still() -> None:
    # In a process of its own: the tests keep their collector.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
