# SPDX-License-Identifier: MIT
"""A client of llrund that llrun is not: it says anything. And a terminal for llrun.

    daemon.py ask SOCKET BLOB [-- CMD...]       a correct request, made by hand; exit 0 when the command exited 0,
                                                3 refused, 4 no connection, 5 no token, 6 no answer
    daemon.py moved SOCKET BLOB HOW [DIR]       connects and opens the token, then goes somewhere else: chroot (to DIR), mounts,
                                                network; and asks from there. What was said; and what, to the root from before
    daemon.py hostile SOCKET BLOB               packets of every kind of wrongness; prints what was said to each
    daemon.py sparse SOCKET BLOB                a large payload is run; one of holes is refused, and stays one of holes
    daemon.py condition                         what others of its user can change of a process: this one's, printed
    daemon.py change WHAT PID...                and changed: limits, idle, nice, processors, io, signal
    daemon.py silent SOCKET N                   N connections that say nothing, until standard input ends
    daemon.py tty STATUS-FILE CMD...            CMD on a new terminal; standard input is a script of lines:
                                                "expect TEXT", "send TEXT" (\\r, \\x03 … as in Python), "size ROWS COLS",
                                                "stopped", "resume", "raw", "cooked", "cook", "kill SIGNAL",
                                                "kill_child SIGNAL", "kill_shell", "hang_up", "deaf" (nothing is read any more, and
                                                no more fits), "gone FILE" (the process of that number has ended), "hears"; the status is "changed N" when the terminal is not left as it
                                                was, "gone" without a shell
"""
import array
import contextlib
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import sys
import termios
import time

MAGIC, VERSION = 0x64726C6C, 2
RUN, STATUS, STOP, SIGNAL = 1, 2, 3, 4
KINDS = {1: "refused", 2: "exited", 3: "killed", 4: "stopped", 5: "text"}
SEALS = 0x2 | 0x4 | 0x8
INLINE = 1 << 4
HEAD = struct.Struct("=IHHIIIIII32I6IQ32Q")
LIMITS = [b for a in range(16) for b in __import__("resource").getrlimit(a)]
LIMITS = [2**64 - 1 if v == -1 else v for v in LIMITS]


def request(**over):
    f = dict(magic=MAGIC, version=VERSION, command=RUN, flags=0, signal=0, as_abi=0, umask=0o22, stdio=7, nkeep=0,
             keep=[0] * 32, payload_size=0, blob_size=0, nargs=1, nsets=0, nenv=0, reserved=0, blocked=0, limits=LIMITS)
    f.update(over)
    return HEAD.pack(f["magic"], f["version"], f["command"], f["flags"], f["signal"], f["as_abi"], f["umask"],
                     f["stdio"], f["nkeep"], *f["keep"], f["payload_size"], f["blob_size"], f["nargs"], f["nsets"],
                     f["nenv"], f["reserved"], f["blocked"], *f["limits"])


def bare(what, signal=0):
    return HEAD.pack(MAGIC, VERSION, what, 0, signal, *[0] * 75)


def memfd(data, seals=SEALS):
    fd = os.memfd_create("payload", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    if seals:
        fcntl.fcntl(fd, 1033, seals)
    return fd


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    s.settimeout(20)
    return s


def answer(s):
    try:
        data = s.recv(4096)
    except ConnectionResetError:
        return None, 0, ""
    if not data:
        return None, 0, ""
    magic, version, kind, status, size = struct.unpack("=IHHiI", data[:16])
    return KINDS.get(kind, kind), status, data[16:16 + size].rstrip(b"\0").decode()


def token(path, flags=os.O_RDONLY):
    return os.open(path + ".d/token", flags)


def root(path="/", flags=os.O_PATH):
    return os.open(path, flags)


def command(blob, argv, env=()):
    data = open(blob, "rb").read()
    strings = [b"by hand"] + [a.encode() for a in argv] + [e.encode() for e in env]
    payload = data + b"".join(s + b"\0" for s in strings)
    return payload, dict(payload_size=len(payload), blob_size=len(data), nargs=len(argv), nenv=len(env))


def send(s, packet, fds):
    if fds:
        s.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    else:
        s.sendmsg([packet])


def ask(path, blob, argv):
    try:
        s = connect(path)
    except OSError as e:
        print("connect:", e)
        return 4
    fds, kind = None, None
    for flags in (os.O_RDONLY, os.O_ACCMODE, os.O_PATH, os.O_WRONLY):
        try:
            fds = [token(path, flags)]
            break
        except OSError as e:
            print("token:", e)
    if fds is None:
        # what there is instead: a descriptor of the directory's name, or of nothing
        fds, kind = [os.open("/dev/null", os.O_RDONLY)], "no token"
    payload, fields = command(blob, argv)
    fds += [root(), os.open(".", os.O_PATH), 0, 1, 2, memfd(payload)]
    send(s, request(**fields), fds)
    said, status, text = answer(s)
    print(said, status, text)
    if said is None:
        return 6
    if said == "exited" and status == 0:
        return 0
    return 5 if kind else 3


def moved(path, blob, how, where=None):
    payload, fields = command(blob, ["/bin/true"])
    held = [(connect(path), token(path)) for _ in range(2)]
    rest, before = [os.open(".", os.O_PATH), 0, 1, 2, memfd(payload)], root()
    if how == "chroot":
        os.chroot(where)
    elif __import__("ctypes").CDLL(None, use_errno=True).unshare({"mounts": 0x20000, "network": 0x40000000}[how]):
        return 77
    for (s, tok), own in zip(held, (root(), before)):
        send(s, request(**fields), [tok, own, *rest])
        print(*answer(s))
    return 0


def sparse(path, blob):
    payload, fields = command(blob, ["/bin/true"], [f"V{i}=" + "x" * 100000 for i in range(10)])

    def attempt(fd, fields):
        s = connect(path)
        send(s, request(**fields), [token(path), root(), os.open("/", os.O_PATH), 0, 1, 2, fd])
        return answer(s)

    said = attempt(memfd(payload), fields)
    assert said[:2] == ("exited", 0), said
    holes = os.memfd_create("holes", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(holes, 32 << 20)
    fcntl.fcntl(holes, 1033, SEALS)
    said = attempt(holes, {**fields, "payload_size": 32 << 20})
    assert said[0] == "refused" and "payload" in said[2], said
    assert os.fstat(holes).st_blocks == 0, os.fstat(holes)
    # what is there all the same, as written bytes: refused for what it says
    said = attempt(memfd(bytes(1 << 20)), {**fields, "payload_size": 1 << 20})
    assert said[0] == "refused" and "payload" in said[2], said


def ioprio(number, *args):
    """ioprio_set(2) or ioprio_get(2): numbers of x86_64; other architectures have those of asm-generic."""
    libc = __import__("ctypes").CDLL(None)
    x86 = os.uname().machine == "x86_64"
    return libc.syscall({"set": 251 if x86 else 30, "get": 252 if x86 else 31}[number], *args)


def condition():
    import resource
    print([resource.getrlimit(i) for i in range(16)], os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0),
          sorted(os.sched_getaffinity(0)), ioprio("get", 1, 0))


def change(what, pids):
    import resource
    for pid in map(int, pids):
        if what == "limits":
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, 4096))
        elif what == "idle":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        elif what == "nice":
            os.setpriority(os.PRIO_PROCESS, pid, 15)
        elif what == "processors":
            os.sched_setaffinity(pid, {min(os.sched_getaffinity(pid))})
        elif what == "io":
            assert ioprio("set", 1, pid, 3 << 13) == 0
        else:
            os.kill(pid, signal.SIGUSR1)


def join(pids):
    """A process in the group of each, as far as they let it; how many; then until the end of standard input."""
    joined = 0
    for pid in map(int, pids):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            __import__("ctypes").CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed daemon ends no strays
            try:
                os.setpgid(0, pid)
                os.write(theirs, b"x")
                signal.pause()
            finally:
                os._exit(0)
        os.close(theirs)
        joined += len(os.read(ours, 1))
    print(joined, flush=True)
    sys.stdin.read()


def sizes(path):
    """Refused requests with a file that nobody else has open any more, once a small one, once a large."""
    for name, size in ("small", 4096), ("large", 4 << 20):
        fd = os.memfd_create(name)
        os.write(fd, bytes(size))
        s = connect(path)
        send(s, b"garbage", [token(path), root(), fd])
        os.close(fd)
        print(*answer(s))


def token_terminal(path, argv):
    """A server whose token is a terminal: which one the client has then, who leads a session and had none; and the control."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(path)
    server.listen(1)
    server.settimeout(20)
    name = os.ttyname(pty.openpty()[1])
    os.mkdir(path + ".d")
    os.symlink(name, path + ".d/token")

    def leader(do):
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            do()
            os.write(theirs, b"x")
            signal.pause()
        return pid, ours

    def terminal_of(pid):
        number = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[4]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "none" if number == "0" else "one"

    control, said = leader(lambda: os.open(name, os.O_RDONLY))
    os.read(said, 1)
    print("control:", terminal_of(control))
    client, _ = leader(lambda: os.execv(argv[0], argv))
    waiting = server.accept()  # the token was opened before
    print("client:", terminal_of(client))
    del waiting


def hostile(path, blob):
    payload, fields = command(blob, ["/bin/true"])

    def attempt(name, packet, fds=None, first=None):
        s = connect(path)
        try:
            if first:
                first(s)
            send(s, packet, fds() if fds else [])
            print(name + ":", *answer(s))
        except OSError as e:
            print(name + ":", type(e).__name__)
        s.close()

    def good(data=payload, tok=None, seals=SEALS, cwd="/", own=root):
        return lambda: bare_fds(tok, cwd, own) + [memfd(data, seals)]

    def bare_fds(tok=None, cwd="/", own=root):
        return [token(path) if tok is None else tok(), own(), os.open(cwd, os.O_PATH), 0, 1, 2]

    def req(**over):
        return request(**{**fields, **over})

    attempt("control", req(), good())
    attempt("empty", b"")
    attempt("one byte", b"x", good())
    attempt("half a header", req()[:200], good())
    attempt("too long", req() + b"\0" * 8, good())
    attempt("garbage", bytes(range(256)) + bytes(192), good())
    attempt("magic", req(magic=1), good())
    attempt("version", req(version=1), good())
    attempt("command", req(command=9), good())
    attempt("signal first", req(command=SIGNAL, signal=9), good())
    attempt("flags", req(flags=0x100), good())
    attempt("inline without payload", req(flags=INLINE), bare_fds)
    attempt("inline shorter than said", req(flags=INLINE) + payload[:-1], bare_fds)
    attempt("inline longer than said", req(flags=INLINE) + payload + b"\0", bare_fds)
    attempt("inline not terminated", req(flags=INLINE) + payload[:-1] + b"x", bare_fds)
    attempt("inline and a memfd", req(flags=INLINE) + payload, good())
    attempt("inline bytes and no flag", req() + payload, good())
    attempt("inline and too large", req(flags=INLINE, payload_size=65537, nenv=65536 - len(payload)) + payload +
            bytes(65537 - len(payload)), bare_fds)
    attempt("inline with status", HEAD.pack(MAGIC, VERSION, STATUS, INLINE, 0, *[0] * 75), lambda: [token(path), root()])
    attempt("umask", req(umask=0o1000), good())
    attempt("stdio", req(stdio=8), good())
    attempt("stdio fewer", req(stdio=3), good())
    attempt("keep without descriptor", req(nkeep=1, keep=[5] + [0] * 31), good())
    attempt("keep 1", req(nkeep=1, keep=[1] + [0] * 31), lambda: good()() + [0])
    attempt("keep twice", req(nkeep=2, keep=[5, 5] + [0] * 30), lambda: good()() + [0, 0])
    attempt("keep 99", req(nkeep=99), good())
    attempt("no descriptors", req())
    attempt("253 descriptors", req(), lambda: [0] * 253)
    attempt("one too many", req(), lambda: good()() + [0])
    attempt("nargs 0", req(nargs=0), good())
    attempt("nargs 2", req(nargs=2), good())
    attempt("nargs huge", req(nargs=2**32 - 1), good())
    attempt("nenv huge", req(nenv=2**31), good())
    attempt("nsets 65", req(nsets=65), good())
    attempt("payload size 0", req(payload_size=0), good())
    attempt("payload size huge", req(payload_size=2**32 - 1), good())
    attempt("payload larger than said", req(), good(payload + b"\0"))
    attempt("payload shorter than said", req(), good(payload[:-3]))
    attempt("payload not terminated", req(), good(payload[:-1] + b"x"))
    attempt("blob size beyond", req(blob_size=2**32 - 8), good())
    attempt("blob size odd", req(blob_size=fields["blob_size"] - 1), good())
    attempt("not sealed", req(), good(seals=0))
    attempt("half sealed", req(), good(seals=2))
    attempt("payload is a file", req(), lambda: bare_fds() + [os.open(blob, os.O_RDONLY)])
    attempt("token by O_PATH", req(), good(tok=lambda: token(path, os.O_PATH)))
    attempt("token for writing", req(), good(tok=lambda: token(path, os.O_WRONLY)))
    attempt("token for nothing", req(), good(tok=lambda: token(path, os.O_ACCMODE)))
    attempt("token is another file", req(), good(tok=lambda: os.open(path + ".d/lock", os.O_RDONLY)))
    attempt("token is a pipe", req(), good(tok=lambda: os.pipe()[0]))
    attempt("root is another directory", req(), good(own=lambda: root("/usr")))
    attempt("root is a file", req(), good(own=lambda: root(blob)))
    attempt("root is a file, opened", req(), good(own=lambda: root(blob, os.O_RDONLY)))
    attempt("root is a pipe", req(), good(own=lambda: os.pipe()[0]))
    attempt("root not by O_PATH", req(), good(own=lambda: root("/", os.O_RDONLY)))
    attempt("root is missing", req(), lambda: good()()[:1] + good()()[2:])
    attempt("root before token", req(), lambda: [root()] + [token(path)] + good()()[2:])
    attempt("status of another root", bare(STATUS), lambda: [token(path), root("/usr")])
    attempt("status without root", bare(STATUS), lambda: [token(path)])
    attempt("status with payload", req(command=STATUS), good())
    attempt("stop without token", bare(STOP), lambda: [0, root()])
    damaged = payload[:64] + b"\xff" + payload[65:]
    attempt("blob damaged", req(), good(damaged))
    attempt("cwd is a file", req(), good(cwd=blob))

    # then: after a good request, garbage
    def run_then(name, packet):
        data, f = command(blob, ["/bin/sleep", "1000"])
        s = connect(path)
        send(s, request(**f), good(data)())
        send(s, packet, [])
        print(name + ":", *answer(s))
        s.close()

    run_then("a second request", req())
    run_then("signal 0", bare(SIGNAL, 0))
    run_then("signal 65", bare(SIGNAL, 65))
    run_then("signal 9", bare(SIGNAL, 9))
    run_then("signal 19", bare(SIGNAL, 19))
    run_then("signal 15", bare(SIGNAL, 15))
    attempt("control", req(), good())
    attempt("control", req(flags=INLINE) + payload, bare_fds)
    return 0


def silent(path, count):
    held = []
    for _ in range(count):
        held.append(connect(path))
    print("connected", flush=True)
    sys.stdin.read()
    return 0


def be_shell(argv, orders, events):
    """What a shell does for its foreground job: a group of its own, which it continues when told. SIGHUP it ignores."""
    for each in (signal.SIGTTOU, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    modes = termios.tcgetattr(0)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        for each in (signal.SIGTTOU, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(each, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    os.write(events, b"%d\n" % job)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        try:
            os.tcsetpgrp(0, os.getpid())
            changed = b"changed " if termios.tcgetattr(0) != modes else b""
        except (OSError, termios.error):
            changed = b""
        if not os.WIFSTOPPED(status):
            break
        os.write(events, b"stopped by %d\n" % os.WSTOPSIG(status))
        if not os.read(orders, 1):
            os._exit(1)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)
    end = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    os.write(events, b"ended %s%d\n" % (changed, end))
    os.read(orders, 1)
    os._exit(0)


class Terminal:
    def __init__(self, argv):
        orders, self.orders = os.pipe()
        self.events, events = os.pipe()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.close(self.orders)  # without us it ends, and does not hold up who waits for the test's files to be closed
            os.close(self.events)
            be_shell(argv, orders, events)
        self.seen, self.said, self.deadline = b"", b"", time.monotonic() + 100
        self.reads = True
        self.wait(lambda: b"\n" in self.said)
        self.job, _, self.said = self.said.partition(b"\n")

    def wait(self, condition):
        while not condition():
            ready = select.select([self.master, self.events] if self.reads else [self.events], [], [], 0.05)[0]
            try:
                if self.master in ready:
                    self.seen += os.read(self.master, 4096)
                if self.events in ready:
                    self.said += os.read(self.events, 4096)
            except OSError:
                pass
            if time.monotonic() > self.deadline:
                sys.stdout.buffer.write(self.seen + self.said + b"\nIN VAIN\n")
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int(self.job), signal.SIGKILL)
                sys.exit(1)

    def expect(self, text):
        want = text.encode()
        self.wait(lambda: want in self.seen)
        self.seen = self.seen[self.seen.index(want) + len(want):]

    def send(self, text):
        os.write(self.master, text.encode().decode("unicode_escape").encode("latin-1"))

    def size(self, text):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", *map(int, text.split()), 0, 0))

    def kill(self, text):
        os.kill(int(self.job), getattr(signal, text))

    def kill_child(self, text):
        for child in open(f"/proc/{int(self.job)}/task/{int(self.job)}/children").read().split():
            os.kill(int(child), getattr(signal, text))

    def kill_shell(self, _):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.said = b"ended gone"

    def hang_up(self, _):
        os.close(self.master)
        self.master, self.nothing = os.pipe()

    def deaf(self, _):
        looks = []

        def full():
            held = struct.unpack("i", fcntl.ioctl(self.master, termios.FIONREAD, bytes(4)))[0]
            looks.append(held)
            return held and looks[-8:] == [held] * 8

        self.reads = False
        self.wait(full)
        print("holds", looks[-1], flush=True)

    def hears(self, _):
        self.reads = True

    def gone(self, name):
        def ended():
            try:
                with open(name) as f:
                    return not os.path.exists("/proc/" + f.read().strip())
            except FileNotFoundError:
                return False

        self.wait(ended)

    def stopped(self, _):
        self.wait(lambda: b"stopped" in self.said)
        line, _, self.said = self.said.partition(b"\n")
        print(line.decode(), flush=True)

    def resume(self, _):
        os.write(self.orders, b"x")

    def raw(self, _):
        self.wait(lambda: not termios.tcgetattr(self.master)[3] & termios.ICANON)

    def cooked(self, _):
        self.wait(lambda: termios.tcgetattr(self.master)[3] & termios.ICANON)

    def cook(self, _):
        modes = termios.tcgetattr(self.master)
        modes[3] |= termios.ICANON | termios.ECHO | termios.ISIG
        termios.tcsetattr(self.master, termios.TCSANOW, modes)

    def end(self):
        self.wait(lambda: b"ended" in self.said)
        os.write(self.orders, b"x")
        while select.select([self.master], [], [], 0)[0]:
            try:
                data = os.read(self.master, 4096)
            except OSError:
                break
            self.seen += data
        return self.said.split(b"ended ")[-1].decode().strip()


def terminal(status_file, argv):
    tty = Terminal(argv)
    for line in sys.stdin.read().splitlines():
        word, _, rest = line.partition(" ")
        getattr(tty, word)(rest)
    status = tty.end()
    sys.stdout.buffer.write(tty.seen)
    with open(status_file, "w") as f:
        f.write(status)
    return 0


def main(argv):
    what = argv[1]
    if what == "ask":
        rest = argv[5:] if argv[4:5] == ["--"] else ["/bin/cat", "/etc/shadow"]
        return ask(argv[2], argv[3], rest)
    if what == "moved":
        return moved(*argv[2:])
    if what == "hostile":
        return hostile(argv[2], argv[3])
    if what == "silent":
        return silent(argv[2], int(argv[3]))
    if what == "sparse":
        return sparse(argv[2], argv[3])
    if what == "condition":
        return condition()
    if what == "change":
        return change(argv[2], argv[3:])
    if what == "join":
        return join(argv[2:])
    if what == "token-terminal":
        return token_terminal(argv[2], argv[3:])
    if what == "sizes":
        return sizes(argv[2])
    return terminal(argv[2], argv[3:])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
