"""Code of an answer: it runs where it can harm nothing, it ends, and where there is no such place it is not run."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

from turnout.suites.graders.sandbox import Ran, Sandbox

SECONDS = 5.0
HOME = str(Path("~/.profile").expanduser())
LIBRARY = str(Path(os.__file__).resolve())


@pytest.fixture(scope="module", params=["bwrap", "unshare"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where one of the tools is, and not the other."""
    found = shutil.which(request.param)
    if found is None:
        pytest.skip(f"{request.param} is not installed")
    only = tmp_path_factory.mktemp(request.param)
    (only / request.param).symlink_to(found)
    return str(only)


@pytest.fixture
async def sandbox(path: str) -> Sandbox:
    sandbox = Sandbox(path)
    why = await sandbox.refusal()
    if why is not None:
        pytest.skip(why)
    return sandbox


async def test_code_passes_its_tests_or_it_is_said_which(sandbox: Sandbox) -> None:
    """In one module, with the line of the tests."""
    code = "def double(x):\n    return 2 * x"
    assert await sandbox.run(code, "assert double(2) == 4", SECONDS) == Ran(True)
    assert await sandbox.run(code, "y = 1\nassert double(2) == 5, 'no'", SECONDS) == Ran(
        False, "tests, line 2: AssertionError: no"
    )
    assert await sandbox.run("def f(:", "", SECONDS) == Ran(False, "code, line 1: SyntaxError: invalid syntax (code, line 1)")
    assert await sandbox.run("x = '\ud800'", "", SECONDS) != Ran(True)


async def test_unittest_and_dataclasses_find_their_module(sandbox: Sandbox) -> None:
    """Tests may end the program as unittest does."""
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 1"
    tests = "import unittest\nclass T(unittest.TestCase):\n    def test_x(self):\n        self.assertEqual(P().x, {})\nunittest.main()"
    assert (await sandbox.run(code, tests.format(1), SECONDS)).passed is True
    assert (await sandbox.run(code, tests.format(2), SECONDS)).passed is False


@pytest.mark.parametrize(("code", "tests"), [
    ("import sys\nsys.exit(0)", "assert False"), ("import os\nos._exit(0)", "assert False"), ("def f():\n    exit()", "f()\nassert False"),
    ("import os\nif os.fork() == 0:\n    raise ValueError", "assert False"), ("print('0' * 32, 'null')", "assert False"),
    ("import os\nfor fd in range(3, 9):\n    try: os.write(fd, b'x' * 10**6)\n    except OSError: pass", "assert False"),
])  # fmt: skip
async def test_a_program_that_ends_before_its_tests_has_not_passed_them(sandbox: Sandbox, code: str, tests: str) -> None:
    """However it ends, and whatever it prints."""
    assert (await sandbox.run(code, tests, SECONDS)).passed is False


async def test_there_is_no_way_out(sandbox: Sandbox, tmp_path: Path) -> None:
    """No network, no environment, no file of ours to read, none to write, no right to change that."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o666)
    program = f"""
import ctypes, os, socket

def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False

assert set(os.environ) <= {{"PATH", "LC_CTYPE", "MALLOC_ARENA_MAX"}}, os.environ
assert refused(lambda: socket.create_connection(("127.0.0.1", 22), 1))
assert refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9)))
assert refused(lambda: open({str(secret)!r}))
assert refused(lambda: open({__file__!r}))
assert refused(lambda: open("/etc/passwd"))
assert not os.path.exists("/proc/1")
assert not os.path.exists({HOME!r})
for place in ("/", "/usr", "/usr/bin", "/dev", "/etc", {LIBRARY!r}):
    assert refused(lambda: open(os.path.join(place, "x") if os.path.isdir(place) else place, "a")), place
libc = ctypes.CDLL(None)
assert libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == -1
assert libc.mount(None, b"/usr", None, 32, None) == -1
assert libc.chroot(b"/tmp") == -1
assert libc.setuid(0) == -1 or os.getuid() == 0
with open("/tmp/own", "w") as file:
    file.write("this is ours")
"""
    assert await sandbox.run("", program, SECONDS) == Ran(True)


async def test_each_job_has_a_directory_of_its_own(sandbox: Sandbox) -> None:
    """Empty at its beginning, gone at its end."""
    program = "import os\nassert os.listdir('/tmp') == [] and os.getcwd() == '/tmp'\nopen('left', 'w').close()"
    assert await sandbox.run("", program, SECONDS) == Ran(True)
    assert await sandbox.run("", program, SECONDS) == Ran(True)


@pytest.mark.parametrize("code", [
    "while True: pass",
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\nos.setsid() if os.getpid() != 1 and os.getsid(0) != os.getpid() else None\ntime.sleep(31.4159)",
])  # fmt: skip
async def test_what_never_ends_is_ended(sandbox: Sandbox, code: str) -> None:
    """A loop, a fork bomb, a process that leaves its session: after the seconds nothing of it is left."""
    before = {process.pid for process in psutil.process_iter()}

    assert await sandbox.run(code, "", 0.4) == Ran(False, "it took longer than 0.4 s")

    left = [process for process in psutil.process_iter(["cmdline"]) if process.pid not in before]
    assert not [process for process in left if "confine(job" in " ".join(process.info["cmdline"] or ())]


async def test_what_takes_too_much_is_stopped(sandbox: Sandbox) -> None:
    """Memory, files and disk have an end."""
    hoards = "kept = []\nwhile True: kept.append('x' * 10**7)"
    assert await sandbox.run(hoards, "", SECONDS) == Ran(False, "code, line 2: MemoryError")
    writes = "with open('big', 'wb') as file:\n    while True: file.write(b'x' * 10**6)"
    assert (await sandbox.run(writes, "", SECONDS)).passed is False
    many = "for n in range(100):\n    with open(f'f{n}', 'wb') as file: file.write(b'x' * 10**6)"
    assert (await sandbox.run(many, "", SECONDS)).passed is False
    raises = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))"
    assert (await sandbox.run(raises, "", SECONDS)).passed is False


async def test_without_a_sandbox_nothing_is_run(tmp_path: Path) -> None:
    """Neither tool: it is said what to install. A tool that does nothing: the probe finds out."""
    mark = tmp_path / "ran"
    ran = await Sandbox(str(tmp_path)).run(f"open({str(mark)!r}, 'w')", "", SECONDS)
    assert ran.passed is None
    assert "neither bwrap (package bubblewrap) nor unshare" in ran.detail

    false = tmp_path / "unshare"
    false.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
    false.chmod(0o755)
    ran = await Sandbox(str(tmp_path)).run(f"open({str(mark)!r}, 'w')", "", SECONDS)
    assert ran.passed is None
    assert "unshare: the sandbox did not start: Operation not permitted" in ran.detail
    assert not mark.exists()


async def test_a_sandbox_that_does_not_hold_is_not_used(tmp_path: Path) -> None:
    """A tool that runs its program in the open is found out by the probe."""
    open_ = tmp_path / "unshare"
    open_.write_text('#!/bin/sh\nwhile [ "$1" != setpriv ]; do shift; done\nwhile [ "$2" != -I ]; do shift; done\nexec "$@"\n')
    open_.chmod(0o755)
    why = await Sandbox(str(tmp_path)).refusal()
    assert why is not None
    assert "AssertionError" in why
