# SPDX-License-Identifier: MIT
"""Clients whose descriptors hang the one who uses or closes them, and the daemon that must not.

    hang.py DIR LLRUN LLRUND BLOB ATTACK    in a mount namespace of its own: a FUSE file system at DIR/fuse, served by hand,
                                            a daemon at DIR/s, the attack, and beside it the run of another client
Exit 0: the daemon served the other client while the attack went on, and the attack really was one. 77: no FUSE here.
"""
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import daemon  # noqa: E402

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR = 1, 2, 3, 14, 15, 17, 18, 25, 26, 27
RELEASEDIR, ACCESS, INTERRUPT, BATCH_FORGET = 29, 34, 36, 42
NAMES = {GETATTR: "getattr", READ: "read", FLUSH: "flush", ACCESS: "access", LOOKUP: "lookup", STATFS: "statfs"}


def wait(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("in vain: " + what)
        time.sleep(0.01)


# ---- the file system: a directory "dir", and regular files of any other name ----

class Server:
    """In a process of its own: who hangs on it must not be it. Orders: the opcodes that get no answer from now on."""

    def __init__(self, at):
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % self.device
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"fuse", at.encode(), b"fuse", 0, options) < 0:
            print("mount: " + os.strerror(ctypes.get_errno()))
            sys.exit(77)
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.said = []
        self.pid = os.fork()
        if self.pid == 0:
            self.ours.close()
            self.serve(theirs)
        theirs.close()
        os.close(self.device)

    def serve(self, control):
        self.hanging, self.held, self.names = set(), [], {}
        while True:
            for ready in select.select([self.device, control], [], [])[0]:
                if ready is control:
                    order = control.recv(64)
                    if not order:
                        os._exit(0)
                    self.hanging = {int(word) for word in order.split()[1:]}
                    for request in [r for r in self.held if r[0] not in self.hanging]:
                        self.held.remove(request)
                        self.answer(*request)
                    control.send(b"done")
                    continue
                data = os.read(self.device, 1 << 20)
                _, opcode, unique, node, _, _, pid, _ = struct.unpack("=IIQQIIII", data[:40])
                request = (opcode, unique, node, data[40:])
                if opcode in self.hanging:
                    self.held.append(request)
                    control.send(b"%d %d" % (opcode, pid))
                else:
                    self.answer(*request)

    def attr(self, node):
        mode = 0o40755 if node == 1 or self.names.get(node) == b"dir" else 0o100644
        return struct.pack("=6Q10I", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, unique, node, data):
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        body = b""
        if opcode == INIT:
            body = struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 64, 64, 65536, 1, 0, 0, 0, *[0] * 7)
        elif opcode == LOOKUP:
            name = data.rstrip(b"\0")
            node = next((n for n, known in self.names.items() if known == name), len(self.names) + 2)
            self.names[node] = name
            body = struct.pack("=QQQQII", node, 0, 3600, 0, 0, 0) + self.attr(node)
        elif opcode == GETATTR:
            body = struct.pack("=QII", 0, 0, 0) + self.attr(node)
        elif opcode in (OPEN, OPENDIR):
            body = struct.pack("=QII", 0, 0, 0)
        elif opcode == STATFS:
            body = struct.pack("=5Q4I6I", *[0] * 5, 4096, 255, 4096, 0, *[0] * 6)
        try:
            os.write(self.device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)
        except FileNotFoundError:
            pass  # interrupted meanwhile

    def hang(self, *opcodes):
        self.ours.send(b"hang " + b" ".join(b"%d" % o for o in opcodes))
        while self.event() != b"done":
            pass

    def event(self):
        message = self.ours.recv(64)
        if message != b"done":
            self.said.append(tuple(map(int, message.split())))
        return message

    def heard(self, opcode, count=1):
        """Waits until so many of this call have gone unanswered; their processes."""
        while sum(o == opcode for o, _ in self.said) < count:
            if not select.select([self.ours], [], [], 60)[0]:
                raise SystemExit("in vain: a hanging %s; heard: %s" % (NAMES[opcode], self.said))
            self.event()
        return [pid for o, pid in self.said if o == opcode]

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


# ---- the daemon, and its other client ----

class Runner:
    """Starts programs, from a process that has none of the files: a child would have to close them first."""

    def __init__(self):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            self.ours.close()
            self.started = {}
            while order := theirs.recv(65536):
                what, *rest = json.loads(order)
                theirs.send(json.dumps(getattr(self, "do_" + what)(*rest)).encode())
            os._exit(0)
        theirs.close()

    def __getattr__(self, name):
        def ask(*arguments):
            self.ours.send(json.dumps([name, *arguments]).encode())
            return json.loads(self.ours.recv(65536))
        return ask

    def do_run(self, *argv):
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        except subprocess.TimeoutExpired:
            return [-1000, "", "it does not end"]
        return [done.returncode, done.stdout.decode(), done.stderr.decode()]

    def do_start(self, *argv):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.started[process.pid] = process
        return process.pid

    def do_wait(self, pid):
        try:
            return self.started[pid].wait(30)
        except subprocess.TimeoutExpired:
            return -1000

    def do_kill(self, pid):
        return self.started[pid].kill()


class Siege:
    def __init__(self, where, llrun, llrund, blob):
        self.socket, self.llrun, self.llrund, self.blob = where + "/s", llrun, llrund, blob
        os.mkdir(where + "/fuse")
        self.fuse = where + "/fuse"
        self.server = Server(self.fuse)
        self.runner = Runner()
        self.serve()
        self.held = []

    def serve(self):
        self.daemon = self.runner.start(self.llrund, "serve", "--socket", self.socket)
        wait(lambda: self.runner.run(self.llrund, "status", "--socket", self.socket)[0] == 0, "the daemon")
        self.front = int(open("/proc/%d/task/%d/children" % (self.daemon, self.daemon)).read().split()[0])

    def client(self, *argv):
        return [self.llrun, "--socket", self.socket, self.blob, "--", *argv]

    def other(self):
        """Another client is served, whatever goes on: its output and its end arrive."""
        done = self.runner.run(*self.client("/bin/echo", "served"))
        if done[:2] != [0, "served\n"]:
            raise SystemExit("the other client: %s" % done)

    def refused(self):
        """What another client is told meanwhile; "": nothing, it is served."""
        status, _, said = self.runner.run(*self.client("/bin/true"))
        return said if status else ""

    def status(self, field):
        return json.loads(self.runner.run(self.llrund, "status", "--socket", self.socket)[1])[field]

    def file(self, name, flags=os.O_RDONLY):
        fd = os.open(self.fuse + "/" + name, flags)
        self.held.append(fd)
        return fd

    def request(self, argv, **over):
        payload, fields = daemon.command(self.blob, argv)
        null = os.open("/dev/null", os.O_RDWR)
        fds = dict(token=daemon.token(self.socket), payload=daemon.memfd(payload), cwd=os.open("/", os.O_PATH),
                   root=daemon.root(), stdin=null)
        fds.update(over)
        s = daemon.connect(self.socket)
        daemon.send(s, daemon.request(**fields), [*[fds[n] for n in ("token", "root", "cwd", "stdin")], null, null, fds["payload"]])
        return s

    def garbage(self, fds):
        """A packet that is none, with descriptors."""
        s = daemon.connect(self.socket)
        daemon.send(s, b"garbage", fds)
        return s

    def closers(self, pids):
        """Who hangs is one of the closers, and neither of the two processes."""
        for pid in pids:
            name = open("/proc/%d/comm" % pid).read()
            if pid in (self.daemon, self.front) or name != "llrund-closer\n":
                raise SystemExit("it hangs in %d, %s" % (pid, name))

    def stop(self):
        done, status = self.runner.run(self.llrund, "stop", "--socket", self.socket), self.runner.wait(self.daemon)
        if done[0] or status:
            raise SystemExit("stop: %s, the daemon: %d" % (done, status))


def lingering():
    """A TCP socket whose last close waits for an hour, and the one that does not read."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
    s.connect(listener.getsockname())
    reader, _ = listener.accept()
    s.setblocking(False)
    try:
        while True:
            s.send(b"x" * 65536)
    except BlockingIOError:
        return s, reader


def blocks(call, release, ours=None, theirs=None):
    """The positive control: another process's call waits until it is released; before it `ours` here, and `theirs` there."""
    ready, go = os.pipe()
    said, says = os.pipe()
    child = os.fork()
    if child == 0:
        if theirs:
            theirs()
        os.read(ready, 1)
        call()
        os.write(says, b"done")
        os.kill(os.getpid(), signal.SIGKILL)
    if ours:
        ours()
    os.write(go, b"x")
    waits = not select.select([said], [], [], 0.3)[0]
    release()
    if not waits or os.read(said, 4) != b"done":
        raise SystemExit("the control: it does not wait, or not as it should")
    os.waitpid(child, 0)
    for fd in (ready, go, said, says):
        os.close(fd)


# ---- attacks ----

def control(siege):
    """All of it without anything that hangs."""
    fd = siege.file("file")
    siege.garbage([fd] * 253)
    siege.other()
    s = siege.request(["/bin/cat"], stdin=siege.file("input"), cwd=siege.file("dir", os.O_PATH))
    said = daemon.answer(s)
    if said[:2] != ("exited", 0):
        raise SystemExit("control: %s" % (said,))
    siege.stop()


def flush(siege):
    """Files whose closing is asked of a server that does not answer: sent with garbage."""
    fd = siege.file("file")
    siege.server.hang(FLUSH)
    blocks(lambda: os.close(fd), lambda: siege.server.hang())
    siege.server.hang(FLUSH)
    siege.server.said.clear()
    siege.garbage([fd])
    siege.closers(siege.server.heard(FLUSH))
    siege.other()
    # more of them than there are closers: they wait, and nobody else does
    siege.garbage([fd] * 253)
    siege.closers(siege.server.heard(FLUSH, 8))
    siege.other()
    # more than anybody has any use for: the daemon says so, and serves again when the server answers
    for _ in range(5):
        siege.garbage([fd] * 253).recv(4096)
    wait(lambda: "do not close" in siege.refused(), "a refusal")
    siege.server.hang()
    siege.server.said.clear()
    wait(lambda: not siege.refused(), "the daemon to serve again")
    siege.other()


def end_while_closing(siege):
    """The end of the daemon does not wait for a file that does not close; nor do its clients wait for their connections."""
    fd = siege.file("file")
    siege.server.hang(FLUSH)
    siege.garbage([fd])
    siege.server.heard(FLUSH)
    siege.other()
    siege.stop()
    for who in ("spawner", "front"):
        siege.serve()
        siege.server.said.clear()
        siege.garbage([fd])
        siege.server.heard(FLUSH)
        client = siege.runner.start(*siege.client("/bin/sleep", "1000"))
        wait(lambda: siege.status("running") == 1, "a run")
        os.kill(siege.daemon if who == "spawner" else siege.front, signal.SIGKILL)
        status = siege.runner.wait(client)
        if status not in (125, -signal.SIGKILL, 137):
            raise SystemExit("%s killed: its client ended with %d" % (who, status))
        siege.runner.wait(siege.daemon)
        wait(lambda: not os.path.exists("/proc/%d" % siege.front) or
             open("/proc/%d/stat" % siege.front).read().split()[2] == "Z", "the front's end")
    siege.serve()
    siege.other()
    siege.stop()


def linger(siege):
    """Sockets that linger: with garbage, in a queue that is thrown away, from who may not ask."""
    s, reader = lingering()
    blocks(s.close, reader.close, s.close, reader.close)
    readers = []

    def attack(count, more=None):
        """Sends them, and has none of them left before the daemon has seen the first: its close is the last one."""
        each = 1 if more else 4
        pairs = [lingering() for _ in range(each * count)]
        readers.extend(reader for _, reader in pairs)
        os.kill(siege.front, signal.SIGSTOP)
        connections = []
        for i in range(count):
            sockets = [s.fileno() for s, _ in pairs[each * i:each * (i + 1)]]
            if more:
                connections.append(more(sockets))
                continue
            connections.append(siege.garbage(sockets[:2]))
            # what is behind the first packet is thrown away with the connection
            daemon.send(connections[-1], b"more", sockets[2:])
        for s, _ in pairs:
            s.close()
        os.kill(siege.front, signal.SIGCONT)
        return connections

    attack(1)
    siege.other()
    for connection in attack(10):
        connection.close()
    siege.other()
    # as a request's standard input: the job's own process closes what it has of it
    requests = attack(3, lambda sockets: siege.request(["/bin/true"], stdin=sockets[0]))
    siege.other()
    for s in requests:
        if daemon.answer(s)[0] != "exited":
            raise SystemExit("a request with a lingering input")
    child = os.fork()
    if child == 0:
        # a sandboxed process
        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
        attack(10)
        os.kill(os.getpid(), signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    siege.other()
    if siege.status("refused") < 20:
        raise SystemExit("who may not ask was not refused")
    os.kill(child, signal.SIGKILL)
    siege.other()
    siege.stop()


def token(siege):
    """A token, a root and a payload of a file system that answers nothing."""
    fd, root = siege.file("token"), siege.file("", os.O_PATH)
    siege.server.hang(GETATTR, READ, STATFS, FLUSH)
    blocks(lambda: os.fstat(fd), lambda: siege.server.hang())
    siege.server.hang(GETATTR, READ, STATFS, FLUSH)
    siege.server.said.clear()
    said = daemon.answer(siege.request(["/bin/true"], token=fd))
    if said[0] != "refused" or "token" not in said[2]:
        raise SystemExit("token: %s" % (said,))
    siege.other()
    for place in (root, fd):
        said = daemon.answer(siege.request(["/bin/true"], root=place))
        if said[0] != "refused" or "root" not in said[2]:
            raise SystemExit("root: %s" % (said,))
        siege.other()
    said = daemon.answer(siege.request(["/bin/true"], payload=fd))
    if said[0] != "refused" or "memfd" not in said[2]:
        raise SystemExit("payload: %s" % (said,))
    siege.other()
    if {o for o, _ in siege.server.said} - {FLUSH}:
        raise SystemExit("the server was asked: %s" % siege.server.said)


def job(siege):
    """A job's own directory and input do not answer: it waits, and nobody else."""
    directory, fd = siege.file("dir", os.O_PATH), siege.file("input")
    siege.server.hang(FLUSH)
    first = siege.request(["/bin/true"], stdin=fd)
    siege.server.heard(FLUSH, 3)
    # many more runs than there are closers
    for _ in range(12):
        siege.other()
    siege.server.hang(FLUSH, ACCESS)
    second = siege.request(["/bin/true"], cwd=directory)
    siege.server.heard(ACCESS)
    siege.other()
    siege.server.hang()
    for s in (first, second):
        said = daemon.answer(s)
        if said[:2] != ("exited", 0):
            raise SystemExit("the job itself: %s" % (said,))
    siege.stop()


def large(siege, name, paths):
    """A policy of so many paths that it is kept, and a run under it."""
    subprocess.run([os.path.join(os.path.dirname(siege.llrun), "mkblob"), siege.socket + name], check=True,
                   input="".join(["layers 1\nhandled 0 all none none\n"] + ["path 0 rox %s\n" % p for p in paths]).encode())
    done = siege.runner.run(siege.llrun, "--socket", siege.socket, siege.socket + name, "--", "/bin/echo", name)
    if done[:2] != [0, name + "\n"]:
        raise SystemExit("the run itself: %s" % done)


def hanging_filler(siege):
    """A large policy with a path of a server that does not answer: who fills its rulesets for later jobs waits there."""
    siege.server.hang(STATFS)
    large(siege, "hangs", ["/"] * 16 + [siege.fuse + "/dir"])
    pid, = siege.server.heard(STATFS)
    name = open("/proc/%d/comm" % pid).read()
    if name != "llrund-filler\n":
        raise SystemExit("it hangs in %d, %s" % (pid, name))
    siege.other()
    return pid


def ruleset(siege):
    """Neither other clients nor the daemon's end wait for it."""
    hanging_filler(siege)
    siege.stop()


def ruleset_killed(siege):
    """Somebody kills it: others' rulesets are filled, and nothing is left of it."""
    pid = hanging_filler(siege)
    os.kill(pid, signal.SIGKILL)
    siege.server.hang()

    def warm():
        large(siege, "other", ["/"] * 17)
        return siege.status("warm")["hits"] > 0
    wait(warm, "a warm ruleset")
    if os.path.exists("/proc/%d" % pid):
        raise SystemExit("it is there still")
    siege.stop()


def main(argv):
    where, llrun, llrund, blob, attack = argv[1:]
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("no /dev/fuse")
        return 77
    siege = Siege(where, llrun, llrund, blob)
    try:
        globals()[attack](siege)
    finally:
        # first: whatever hangs, this process's own end included, then goes on
        siege.server.end()
        siege.runner.kill(siege.daemon)
        siege.runner.wait(siege.daemon)
    return 0


sys.exit(main(sys.argv))
