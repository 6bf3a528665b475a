"""Where the code of an answer is run: no network, no home, no environment, nothing to write but a small directory of its own.

``bwrap`` where it is installed, else ``unshare`` and ``mount`` of util-linux; both make Linux namespaces. Each is tried once, with a program
that attempts what must not succeed. Where neither holds, nothing is run and whoever asks is told why.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

import msgspec

GUEST = Path(__file__).with_name("guest.py")
NOBODY = 65534
"""Whose rights the code has where we are root: limits on processes do not hold root."""
TMP = 16 * 2**20
"""Bytes of all that the code may write; they lie in memory."""
START = 10.0
"""Seconds until the sandbox stands; a machine that needs longer cannot tell us anything."""
SAID = 4096
"""Bytes that are read of what comes out."""

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_FIRST = ["sh", "-c", 'echo 1000 > /proc/self/oom_score_adj 2>/dev/null; exec "$@"', "sh"]
"""When memory runs out it is the first to go."""

# Where there is no bwrap. The root is a file system in memory, put over /sys of our own mount namespace; from a chroot no user namespace can
# be made, so that with the last capability gone there is no way back. A mount's nosuid and nodev may be locked, so they are kept. The shell
# stays, as the first process of its namespace: what it starts can leave its session, and ends with it all the same.
_BUILD = """set -e
mount -n -t tmpfs -o size=1m,mode=755 none /sys
cd /sys
mkdir tmp dev
touch dev/null
mount -n --bind /dev/null dev/null
mount -n -t tmpfs -o size={tmp},mode=1777,nosuid,nodev none tmp
while [ "$1" != -- ]; do
  if [ -L "$1" ]; then ln -s "$(readlink "$1")" ".$1"
  else
    if [ -d "$1" ]; then mkdir -p ".$1"; else mkdir -p ".${{1%/*}}"; touch ".$1"; fi
    mount -n --rbind "$1" ".$1"
    mount -n -o remount,bind,ro,nosuid,nodev ".$1"
  fi
  shift
done
shift
mount -n -o remount,bind,ro /sys
chroot . "$@" || exit 1
"""

_PROBE = """
import os, socket
assert set(os.environ) <= {"PATH", "LC_CTYPE", "MALLOC_ARENA_MAX"}, "the environment shows"
assert not os.path.exists(HIDDEN), "the home shows"
for place in ("/", "/usr", PREFIX):
    try:
        open(os.path.join(place, ".turnout-probe"), "w")
    except OSError:
        pass
    else:
        raise AssertionError(f"{place} can be written")
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
except OSError:
    pass
else:
    raise AssertionError("there is a way to the network")
open("probe", "w").close()
"""


class Ran(msgspec.Struct, frozen=True):
    """``passed`` None: it could not be run, ``detail`` says why."""

    passed: bool | None
    detail: str = ""


class Sandbox:
    """One for a process. ``path`` is where its tools are looked for."""

    def __init__(self, path: str | None = None, *, at_once: int = 2) -> None:
        self._path = os.environ.get("PATH", _PATH) if path is None else path
        self._probing = asyncio.Lock()
        self._room = asyncio.Semaphore(at_once)
        self._command: list[str] | None = None
        self._refusal: str | None = None

    async def refusal(self) -> str | None:
        """Why nothing can be run here, None when something can. The first call tries it out."""
        async with self._probing:
            if self._command is None and self._refusal is None:
                await self._probe()
        return self._refusal

    async def run(self, code: str, tests: str, seconds: float) -> Ran:
        """Run ``tests`` after ``code``, in one module, within ``seconds``."""
        refusal = await self.refusal()
        if refusal is not None:
            return Ran(None, refusal)
        assert self._command is not None, "a probe finds a command or a reason"
        async with self._room:
            return await _run(self._command, code, tests, seconds)

    async def _probe(self) -> None:
        commands = {name: found for name in ("bwrap", "unshare") if (found := shutil.which(name, path=self._path)) is not None}
        if not commands:
            self._refusal = (
                "there is no sandbox: neither bwrap (package bubblewrap) nor unshare (package util-linux) is installed"
            )
            return
        tests = f"HIDDEN, PREFIX = {_hidden()!r}, {sys.base_prefix!r}\n{_PROBE}"
        failures: list[str] = []
        for name, tool in commands.items():
            command = _bwrap(tool) if name == "bwrap" else _unshare(tool)
            ran = await _run(command, "", tests, START)
            if ran.passed:
                self._command = command
                return
            failures.append(f"{name}: {ran.detail}")
        self._refusal = f"no sandbox holds here ({'; '.join(failures)}); install bubblewrap and allow user namespaces"


def _hidden() -> str:
    """What must not show: the home. Where Python itself lies in it the way there shows, and nothing else does."""
    home = Path("~").expanduser()
    return str(home / ".profile" if Path(sys.base_prefix).is_relative_to(home) else home)


def _shown() -> list[str]:
    """What the code may read: the system's programs and libraries, and Python."""
    links = [f"/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64") if Path(f"/{name}").exists()]
    more = {sys.base_prefix, sys.base_exec_prefix, "/nix/store", "/etc/ld.so.cache"}
    return [*links, "/usr", *sorted(place for place in more if Path(place).exists() and not f"{place}/".startswith("/usr/"))]


def _guest() -> list[str]:
    """By the interpreter that stands behind a virtual environment."""
    return [os.path.realpath(getattr(sys, "_base_executable", sys.executable)), "-I", "-B", "-c", GUEST.read_text()]


def _inside(*, drop: bool) -> list[str]:
    """The guest without an environment; ``drop``: without the last capability and not as root either."""
    clean = ["env", "-i", "-C", "/tmp", f"PATH={_PATH}", "MALLOC_ARENA_MAX=2"]  # noqa: S108  the sandbox's own
    away = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    other = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    return [*clean, *(away + other if drop else []), *_guest()]


def _unshare(tool: str) -> list[str]:
    spaces = ["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        spaces += ["--user", "--map-root-user"]
    build = ["sh", "-c", _BUILD.format(tmp=TMP), "sh", *_shown(), "--"]
    return [*_FIRST, tool, *spaces, *build, *_inside(drop=True)]


def _bwrap(tool: str) -> list[str]:
    root = os.geteuid() == 0
    spaces = ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session"]
    spaces += [] if root else ["--unshare-user", "--cap-drop", "ALL"]
    shown: list[str] = []
    for place in map(Path, _shown()):
        shown += ["--symlink", str(place.readlink()), str(place)] if place.is_symlink() else ["--ro-bind", str(place), str(place)]
    null = ["--perms", "0755", "--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null"]
    own = ["--perms", "1777", "--size", str(TMP), "--tmpfs", "/tmp", "--remount-ro", "/"]  # noqa: S108  the sandbox's own
    return [*_FIRST, tool, *spaces, *shown, *null, *own, "--", *_inside(drop=root)]


async def _run(command: list[str], code: str, tests: str, seconds: float) -> Ran:
    """One job in a sandbox of its own, which is gone when this returns."""
    token = secrets.token_hex(16)
    try:
        job = json.dumps({"token": token, "code": code, "tests": tests, "seconds": seconds}).encode()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={"PATH": _PATH}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return Ran(None, f"the sandbox did not start: {error}")
    try:
        return await _heard(process, job, token, seconds)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the outermost takes its namespaces with it
        await process.communicate()  # what is left in its pipes, or it would never be waited for


async def _heard(process: Process, job: bytes, token: str, seconds: float) -> Ran:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START):
            with suppress(ConnectionError):  # it has ended, and says why
                process.stdin.write(job)
                await process.stdin.drain()
            process.stdin.close()
            begun = await process.stdout.read(SAID)
            if not begun.startswith(f"{token} ready\n".encode()):
                return Ran(None, await _why(process))
    except TimeoutError:
        return Ran(None, f"the sandbox did not stand within {START:g} s")
    try:
        async with asyncio.timeout(seconds):
            return _finding(begun + await process.stdout.read(SAID), token)
    except TimeoutError:
        return Ran(False, f"it took longer than {seconds:g} s")


async def _why(process: Process) -> str:
    """What the tool that failed said last."""
    assert process.stderr is not None
    said = (await process.stderr.read(SAID)).decode(errors="replace").strip()
    return f"the sandbox did not start: {said.splitlines()[-1][:200] if said else 'it said nothing'}"


def _finding(said: bytes, token: str) -> Ran:
    """The line behind the token, if there is one."""
    for line in said.decode(errors="replace").splitlines()[1:]:
        mark, _, found = line.partition(" ")
        if mark == token:
            detail = msgspec.json.decode(found, type=str | None)
            return Ran(detail is None, detail or "")
    return Ran(False, "the program ended before its tests did")
