"""How quickly it starts and how little it takes; bounds of time are twice the budget, since the machine is not ours alone."""

import subprocess
import sys
import time

from tests.e2e_load.running import Serving, policy, upstream

LAX = 2


def test_importing_is_quick():
    """``import turnout`` takes a fraction of a second."""
    timed = "import time; begin = time.perf_counter(); import turnout; print(time.perf_counter() - begin)"
    took = min(float(subprocess.check_output([sys.executable, "-c", timed])) for _ in range(3))

    assert took < LAX * 0.3


def test_serving_is_ready_soon_and_idles_small(tmp_path):
    """``turnout serve`` answers on both ports within two seconds, and no process of it needs 100 MB to wait."""
    with upstream() as port:
        turnout = Serving(tmp_path, policy(port), workers=2)
        began = time.monotonic()
        turnout.start()
        ready = time.monotonic() - began
        try:
            sizes = {process.cmdline()[0]: process.memory_info().rss / 1e6 for process in turnout.everyone()}
        finally:
            turnout.kill_all()

    assert ready < LAX * 2
    assert len(sizes) == 4
    assert max(sizes.values()) < 100
