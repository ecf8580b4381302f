#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tests/audit.bats and tests/supervised.bats do with a log, and what a shell cannot do.

audit.py check LOG             every line is valid and at most 4096 bytes, sequences have no gap; prints event names
audit.py get LOG EVENT MEMBER  that member of every such record, a line each, texts as their bytes
audit.py every LOG EVENT...     every event of the schema is in it, but for those, and so is every member, errno where something failed
audit.py listen TYPE PATH LOG  a server (stream, seqpacket, dgram) that takes one connection; "ready" when it listens
audit.py kernel 0|1            the kernel's auditing; prints what it was; exit 3 when that is not permitted
audit.py stingy LLRUN...       --audit to a pipe of one page that nobody reads
audit.py leaver LLRUN...       --audit to a pipe whose reader leaves once the command has started
audit.py terminal LLRUN...     as a job of a shell with a terminal: stopped, continued, interrupted; prints what it saw
audit.py signals LLRUN...      every signal that can be caught, sent to it; prints which arrived, and how often
"""
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

PATIENCE = 30  # seconds, for what happens at once unless it never does


def records(path):
    with open(path, "rb") as log:
        return [json.loads(line) for line in log.read().splitlines()]


def text_bytes(text):
    """The scheme of docs/audit-schema.md, backwards."""
    assert not re.search(r"\\(?!x[0-9a-f]{2})", text), text
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode())


def check(path):
    import jsonschema

    here = os.path.dirname(os.path.abspath(__file__))
    schema = json.load(open(here + "/../schema/audit.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    # the schema lets later events and members pass; here there are none
    events = {s["if"]["properties"]["event"]["const"]: s["then"]["properties"] for s in schema["allOf"]}
    seen, last = {}, 0
    data = open(path, "rb").read()
    assert data.endswith(b"\n") or not data, "the last line has no end"
    for line in data.splitlines(keepends=True):
        assert len(line) <= 4096, len(line)
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", line), "a control character"
        line.decode("utf-8", "strict")
        record = json.loads(line)
        validator.validate(record)
        unknown = set(record) - set(schema["properties"]) - set(events[record["event"]])
        assert not unknown, unknown
        job = record["job_id"]
        # the jobs of a daemon share its sequence
        assert record["seq"] in (seen.get(job, (0, 0))[0] + 1, last + 1), (record["seq"], seen.get(job), last)
        assert record["monotonic_ns"] >= seen.get(job, (0, 0))[1]
        last = record["seq"]
        seen[job] = (record["seq"], record["monotonic_ns"])
        print(record["event"])


def get(path, event, member):
    for record in records(path):
        if record["event"] == event:
            value = record.get(member, "absent")
            sys.stdout.buffer.write((text_bytes(value) if isinstance(value, str) else json.dumps(value).encode()) + b"\n")


def every(path, *elsewhere):
    seen, failed = {}, set()
    for record in records(path):
        seen.setdefault(record["event"], set()).update(record)
        if record.get("decision") == "error":
            failed.add(record["event"])
            assert "errno" in record, record
    for rule in json.load(open(os.path.dirname(os.path.abspath(__file__)) + "/../schema/audit.schema.json"))["allOf"]:
        event = rule["if"]["properties"]["event"]["const"]
        members = set(rule["then"]["properties"]) - ({"errno"} if event.startswith("broker.") and event not in failed else set())
        missing = members - seen.get(event, set())
        if event not in elsewhere and missing:
            print(event, *sorted(missing))
            failed.add("")
    return int("" in failed)


def listen(kind, path, log):
    types = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET, "dgram": socket.SOCK_DGRAM}
    server = socket.socket(socket.AF_UNIX, types[kind])
    server.bind(path)
    if kind != "dgram":
        server.listen()
    print("ready", flush=True)
    server.settimeout(PATIENCE)
    if kind == "dgram":
        return len(server.recv(4096))
    peer = server.accept()[0]
    pid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    with open(log, "wb") as out:
        while data := peer.recv(65536):
            out.write(data)
    print(pid, flush=True)


def kernel(wanted):
    control = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
    control.settimeout(PATIENCE)

    def ask(kind, flags, payload=b""):
        control.send(struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload)
        return control.recv(8192)

    answer = ask(1000, 1)  # AUDIT_GET, NLM_F_REQUEST
    if struct.unpack_from("=H", answer, 4)[0] != 1000:
        sys.exit(3)
    print(struct.unpack_from("=I", answer, 20)[0])
    answer = ask(1001, 5, struct.pack("=10I", 1, int(wanted), *[0] * 8))  # AUDIT_SET with NLM_F_ACK: enabled
    if struct.unpack_from("=i", answer, 16)[0]:
        sys.exit(3)


def with_log(command, fd):
    """The command with its first @ replaced by the descriptor."""
    return [word.replace("@", str(fd)) for word in command]


def stingy(*command):
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    return subprocess.run(with_log(command, write), pass_fds=[write]).returncode


def leaver(*command):
    read, write = os.pipe()
    child = subprocess.Popen(with_log(command, write), pass_fds=[write], stdin=subprocess.PIPE)
    os.close(write)
    log = b""
    while b'"run.start"' not in log:
        log += os.read(read, 65536)
    os.close(read)
    child.stdin.close()
    return child.wait(PATIENCE)


def describe(status):
    if os.WIFSTOPPED(status):
        return "stopped " + signal.Signals(os.WSTOPSIG(status)).name
    if os.WIFSIGNALED(status):
        return "died " + signal.Signals(os.WTERMSIG(status)).name
    return "exit %d" % os.WEXITSTATUS(status)


def until(output, word):
    """Reads from the terminal until it says the word."""
    text = b""
    while word not in text:
        text += os.read(output, 1024)


def in_foreground(terminal):
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    os.tcsetpgrp(terminal, os.getpgrp())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTTOU])


def terminal(*command):
    """This process is the shell: a session leader with a controlling terminal, and one job."""
    if os.fork():
        status = os.wait()[1]
        return os.waitstatus_to_exitcode(status)
    os.setsid()
    main, side = os.openpty()
    fcntl.ioctl(side, 0x540E, 0)  # TIOCSCTTY
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        for fd in 0, 1, 2:
            os.dup2(side, fd)
        in_foreground(0)
        os.execv(command[0], command)
    until(main, b"ready")
    os.write(main, b"\x1a")
    print(describe(os.waitpid(job, os.WUNTRACED)[1]), flush=True)
    os.tcsetpgrp(side, os.getpgrp())
    os.tcsetpgrp(side, job)
    os.killpg(job, signal.SIGCONT)
    os.write(main, b"line\n")
    until(main, b"read line")
    os.write(main, b"\x03")
    print(describe(os.waitpid(job, os.WUNTRACED)[1]), flush=True)
    os._exit(0)


# the numbers come by a pipe, from the handler of the interpreter: one of Python waits for a call that may wait for it
RECEIVER = """
import os, select, signal
caught = {}
come, comes = os.pipe()
for fd in come, comes:
    os.set_blocking(fd, False)
signal.set_wakeup_fd(comes)
for number in set(signal.valid_signals()) - {9, 19, 17}:
    signal.signal(number, lambda *_: None)
os.write(1, b"ready\\n")
while True:
    ready = select.select([0, come], [], [])[0]
    for number in os.read(come, 4096) if come in ready else b"":
        caught[number] = caught.get(number, 0) + 1
        os.write(1, b"got %d\\n" % number)
    if ready == [0] and not os.read(0, 1):
        break
print(sorted(caught.items()))
"""


def signals(*command):
    child = subprocess.Popen([*command, sys.executable, "-c", RECEIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    for number in sorted(set(signal.valid_signals()) - {9, 19, 17}):
        child.send_signal(number)
        assert child.stdout.readline() == b"got %d\n" % number, number
    child.stdin.close()
    sys.stdout.buffer.write(child.stdout.read())
    return child.wait(PATIENCE)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    signal.alarm(4 * PATIENCE)
    sys.exit(globals()[sys.argv[1]](*sys.argv[2:]))
