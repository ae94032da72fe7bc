"""Where garbage is searched rarely, and from where on as usual."""

import subprocess
import sys

_PROGRAM = """
import gc
usual = gc.get_threshold()
import stages
assert gc.get_threshold()[0] > usual[0]
from bessemer.garbage import collect_as_usual
collect_as_usual()
assert gc.get_threshold() == usual
assert gc.get_freeze_count() > 1000
"""


def test_a_stage_searches_rarely_while_it_is_imported_and_then_as_usual() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
