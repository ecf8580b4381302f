#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ordinary programs under policies that lack something: what llc-policy trace lists against what strace shows.

    trace_programs.py BUILD CASES [BACKEND...]
    trace_programs.py --rounds BUILD CASES BACKEND

For each case of CASES (tests/trace.cases) the command runs four times, each in a fresh directory: without a policy and
under it, observed by strace; then by each backend of trace. A failed call that strace shows under the policy, and not
without it, must be listed; whatever is listed must be such a call; and the backends must list the same, as often.

With --rounds the suggestion is applied, the policy compiled and the command run again, until its exit status is that
without a policy: after at most two rounds. Of cases marked `!` each grant is then taken away: something must be refused. Those marked
`~` ask for one thing after the other: the same, by suggestions with --rounds. Those marked `-` ask for what no rule grants, and are left out.

Prints TAP, one line per case.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib

ERRORS = {"EACCES", "EPERM", "EXDEV", "EOPNOTSUPP"}
LINE = re.compile(r"^(\d+)<([^>]*)> +(.*)$")
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+|\?)(?: (E\w+))?")
# the second string is the path, the first what it shall lead to
SYMLINKS = {"symlink", "symlinkat"}
# only the first string is a path
FIRST = {"execve", "execveat"}


def read_cases(path):
    """`[NAME]` begins a policy, whose lines follow; `NAME: COMMAND` is a case."""
    policies, cases, name = {}, [], None
    for line in open(path):
        line = line.rstrip("\n")
        case = re.match(r"^(\w+)([:!~-]) (.*)$", line)
        if case:
            cases.append(case.groups())
        elif re.match(r"^== \w+$", line):
            name = line[3:]
            policies[name] = ""
        elif name and not line.startswith("#"):
            policies[name] += line + "\n"
    return policies, cases


def prepare(root):
    """What the commands work on."""
    shutil.rmtree(root, ignore_errors=True)
    for d in ("w", "w/sub", "closed", "other"):
        os.makedirs(f"{root}/{d}")
    for f in ("w/a", "w/sub/b", "closed/c", "other/o"):
        with open(f"{root}/{f}", "w") as out:
            out.write("one\ntwo\nthree\n")
    with open(f"{root}/w/x.c", "w") as out:
        out.write("int main(void) { return 0; }\n")
    shutil.copy("/bin/true", f"{root}/closed/true")
    os.symlink("../closed/c", f"{root}/w/link")
    with open(f"{root}/closed/secret", "w") as out:
        out.write("secret\n")
    os.chmod(f"{root}/closed/secret", 0)


def plain(name):
    """Names that differ from run to run."""
    name = re.sub(r"/(sed|cc|sort|tmp\.)[A-Za-z0-9]{6,10}(\.\w+)?$", r"/\1RANDOM\2", name)
    return re.sub(r"^/proc/(\d+|self)(/task/\d+)?(/|$)", "/proc/self/", name)


def real(root, base, path):
    path = os.path.join(base or f"{root}/w", path)
    if re.match(r"/proc/(self|\d+)(/|$)", path):
        return plain(os.path.normpath(path))
    return plain(os.path.realpath(path))


def arguments(text):
    """Split at commas outside of quotes and brackets."""
    out, depth, quoted, word = [], 0, False, ""
    escaped = False
    for c in text:
        if quoted:
            quoted = c != '"' or escaped
            escaped = c == "\\" and not escaped
        elif c == '"':
            quoted = True
        elif c in "[{(":
            depth += 1
        elif c in "]})":
            depth -= 1
        if c == "," and not depth and not quoted:
            out.append(word.strip())
            word = ""
        else:
            word += c
    return out + [word.strip()]


def unquote(word):
    return word[1:word.rindex('"')].encode("latin-1", "replace").decode("unicode_escape")


class Failure:
    """A call as strace shows it."""

    def __init__(self, root, comm, name, args, error):
        self.comm, self.name, self.error = comm, name, error
        self.paths, self.port = [], None
        base = None
        for arg in arguments(args):
            fd = re.match(r"^(?:AT_FDCWD|\d+)<(/[^>]*)>$", arg)
            port = re.search(r"sin6?_port=htons\((\d+)\)", arg)
            sun = re.search(r'sun_path="([^"]*)"', arg)
            if fd:
                base = fd.group(1)
            elif arg.startswith('"'):
                self.paths.append(real(root, base, unquote(arg)))
                base = None
            elif sun:
                self.paths.append(real(root, None, sun.group(1)))
            elif port:
                self.port = int(port.group(1))
        if name in FIRST:
            self.paths = self.paths[:1]
        elif name in SYMLINKS:
            self.paths = self.paths[-1:]
        elif name == "mount":
            self.paths = self.paths[1:2]
        elif not self.paths and base and name in ("ftruncate", "ioctl"):
            self.paths = [plain(base)]

    def key(self):
        return (self.name, self.error, tuple(self.paths), self.port)

    def __str__(self):
        return f"{self.comm}: {self.name} {' '.join(self.paths)} {self.port or ''} {self.error}"


def strace(root, command):
    """Failures of the command's processes, llrun's own before it executes left out."""
    log = f"{root}.strace"
    prepare(root)
    subprocess.run(["strace", "-f", "-y", "-Y", "-qq", "-s", "4096", "-o", log] + command, cwd=f"{root}/w",
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    failures, begun, last = [], {}, {}
    for line in open(log, errors="replace"):
        match = LINE.match(line)
        if not match:
            continue
        pid, comm, text = match.groups()
        if text.endswith("<unfinished ...>"):
            begun[pid] = text[:-len("<unfinished ...>")]
            last[pid] = begun[pid]
            continue
        resumed = re.match(r"^<\.\.\. \w+ resumed>(.*)$", text)
        if resumed:
            text = begun.pop(pid, "") + resumed.group(1)
        call = CALL.match(text)
        if call:
            last[pid] = text
        if "killed by SIGSYS" in text or "si_code=SYS_SECCOMP" in text:
            name = last.get(pid, "?(").split("(")[0]
            failures.append(Failure(root, comm, name, "", "SIGSYS"))
        elif call and call.group(4) in ERRORS and (comm != "llrun" or call.group(1) == "execve"):
            failures.append(Failure(root, comm, call.group(1), call.group(2), call.group(4)))
    os.unlink(log)
    return failures


def operation(root, row):
    words = [w for w in shlex.split(row["operation"])]
    if words[0] == "create" and len(words) == 3:
        words = words[:1] + words[2:]
    return words


def is_same(root, row, failure):
    words = operation(root, row)
    comm = row["process"] == failure.comm
    if not comm or row["error"] != failure.error:
        return False
    if words[0] == "syscall":
        return words[1] == failure.name
    if words[0] in ("connect", "bind") and words[1] in ("tcp", "udp"):
        return failure.name in ("connect", "bind", "sendto", "sendmsg") and int(words[2]) == failure.port
    if words[0] == "signal":
        return failure.name in ("kill", "tkill", "tgkill", "pidfd_send_signal")
    if words[0] == "connect":
        words = words[1:]
    return [real(root, None, w) for w in words[1:]] == failure.paths


def trace(root, llc, policy, command, backend):
    prepare(root)
    out = f"{root}.json"
    run = subprocess.run([llc, "trace", "--json", "--backend", backend, "-o", out, policy, "--"] + command,
                         cwd=f"{root}/w", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, timeout=60)
    if not os.path.exists(out):
        return None, run.stderr.decode()
    with open(out) as f:
        report = json.load(f)
    os.unlink(out)
    return report, run.returncode


def listed(report):
    return sorted((r["process"], plain(r["operation"]), r["error"], plain(r["path"] or ""), r["count"])
                  for r in report["refusals"])


def check(root, llc, llrun, policy, command, backends):
    """A list of what is wrong."""
    wrong = []
    without = {f.key() for f in strace(root, command)}
    expected = [f for f in strace(root, [llrun, policy, "--"] + command) if f.key() not in without]
    reports = {}
    for backend in backends:
        report, status = trace(root, llc, policy, command, backend)
        if report is None:
            return [f"{backend}: no report: {status}"]
        reports[backend] = report
        rows = report["refusals"]
        if report["lost"] or report["unfollowed"]:
            wrong.append(f"{backend}: lost {report['lost']}, unfollowed {report['unfollowed']}")
        wrong += [f"{backend}: not listed: {f}" for f in expected if not any(is_same(root, r, f) for r in rows)]
        wrong += [f"{backend}: invented: {r['process']}: {r['operation']} {r['error']}" for r in rows
                  if not any(is_same(root, r, f) for f in expected)]
    if not expected:
        wrong.append("strace shows no refusal: the case is pointless")
    for backend in backends[1:]:
        a, b = listed(reports[backends[0]]), listed(reports[backend])
        wrong += [f"only {backends[0]}: {x}" for x in a if x not in b]
        wrong += [f"only {backend}: {x}" for x in b if x not in a]
        if reports[backends[0]]["exit"] != reports[backend]["exit"]:
            wrong.append("exit statuses differ")
    return wrong


def compile_with(llc, top, name, text, fragments):
    """The policy with the fragments included; None when that does not compile."""
    include = ", ".join(f'"{os.path.basename(f)}"' for f in fragments)
    with open(f"{top}/{name}.toml", "w") as out:
        out.write(text.replace("version = 1\n", f"version = 1\ninclude = [{include}]\n", 1))
    run = subprocess.run([llc, "compile", "-q", "-o", f"{top}/{name}.llb", f"{top}/{name}.toml"],
                         stderr=subprocess.PIPE)
    return run.stderr.decode() if run.returncode else None


def status_of(root, command):
    prepare(root)
    return subprocess.run(command, cwd=f"{root}/w", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=60).returncode


def rules_of(path):
    """The fragment as a list of single grants, each a fragment of its own."""
    with open(path, "rb") as f:
        tree = tomllib.load(f)
    out = []
    for key, paths in tree.get("fs", {}).items():
        if key == "rule":
            # truncate beside make_reg is for the next run, when the file is there
            out += [f'[[fs.rule]]\npath = {json.dumps(r["path"])}\naccess = ["{right}"]\n' for r in paths
                    for right in r["access"] if right != "truncate" or "make_reg" not in r["access"]]
        else:
            names = [p if isinstance(p, str) else p["path"] for p in paths]
            out += [f"[fs]\n{key} = [{json.dumps(name)}]\n" for name in names]
    for key, ports in tree.get("net", {}).items():
        out += [f"[net]\n{key} = [{p}]\n" for p in ports] if isinstance(ports, list) else [f'[net]\n{key} = "{ports}"\n']
    for r in tree.get("seccomp", {}).get("rule", []):
        when = f'when = {json.dumps(r["when"])}\n' if "when" in r else ""
        out += [f'[[seccomp.rule]]\nsyscall = [{json.dumps(call)}]\naction = "allow"\n{when}override = true\n'
                for call in r["syscall"]]
    for key, value in tree.get("scope", {}).items():
        out.append(f"[scope]\n{key} = {json.dumps(value)}\n")
    return out


def suggested(root, llc, policy, command, path, backend, runs):
    prepare(root)
    subprocess.run([llc, "trace", "--suggest", "--rounds", str(runs), "--backend", backend, "-o", path, policy, "--"] + command,
                   cwd=f"{root}/w", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60)


def check_rounds(top, root, llc, llrun, text, command, backend, mark):
    """Suggest, apply, recompile: the program runs after at most two rounds."""
    minimal, runs = mark in "!~", 8 if mark == "~" else 1
    want, fragments = status_of(root, command), []
    wrong = compile_with(llc, top, "round", text, [])
    while wrong is None and status_of(root, [llrun, "--quiet", f"{top}/round.llb", "--"] + command) != want:
        if len(fragments) == 2:
            return [f"does not run after two rounds: {open(fragments[1]).read()}"]
        fragments.append(f"{top}/more{len(fragments)}.toml")
        suggested(root, llc, f"{top}/round.llb", command, fragments[-1], backend, runs)
        wrong = compile_with(llc, top, "round", text, fragments)
    if wrong:
        return [wrong]
    if not fragments:
        return ["runs without a suggestion: the case is pointless"] if minimal else []
    return check_minimal(top, root, llc, text, command, fragments, backend) if minimal else []


def check_minimal(top, root, llc, text, command, fragments, backend):
    """Without any one of the grants something is refused: nothing is there that was not asked for."""
    rules, wrong = [r for f in fragments for r in rules_of(f)], []
    for left_out in rules:
        with open(f"{top}/all.toml", "w") as out:
            out.write("version = 1\n")
        parts = []
        for i, rule in enumerate(r for r in rules if r != left_out):
            parts.append(f"{top}/part{i}.toml")
            with open(parts[-1], "w") as out:
                out.write("version = 1\n" + rule)
        # includes nest no deeper, and each file holds one table: [fs] may stand in many
        failed = compile_with(llc, top, "less", text, parts)
        report, _ = (None, 0) if failed else trace(root, llc, f"{top}/less.llb", command, backend)
        if failed or not report["refusals"]:
            wrong.append(failed or f"not needed: {left_out}")
    return wrong


def words_of(command, root):
    words = ["sh", "-c", command] if re.search(r"[;&|<>$]", command) else shlex.split(command)
    return [w.replace("@ROOT@", root) for w in words]


def main():
    rounds = sys.argv[1] == "--rounds"
    build, cases_path, *backends = sys.argv[1 + rounds:]
    os.environ.update(PATH="/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL="C.UTF-8", HOME="/nonexistent", TMPDIR="/tmp")
    llc, llrun = os.path.abspath(f"{build}/llc-policy"), os.path.abspath(f"{build}/llrun")
    policies, cases = read_cases(cases_path)
    top = os.path.realpath(tempfile.mkdtemp(prefix="trace."))
    os.chmod(top, 0o755)
    root = f"{top}/root"
    failed = 0
    for name, text in policies.items():
        policies[name] = text.replace("@ROOT@", root)
        error = compile_with(llc, top, name, policies[name], [])
        if error:
            sys.exit(error)
    cases = [c for c in cases if not rounds or c[1] != "-"]
    print(f"1..{len(cases)}")
    for n, (name, mark, command) in enumerate(cases, 1):
        words = words_of(command, root)
        if rounds:
            wrong = check_rounds(top, root, llc, llrun, policies[name], words, backends[0], mark)
        else:
            wrong = check(root, llc, llrun, f"{top}/{name}.llb", words, backends)
        failed += bool(wrong)
        print(f"{'not ' if wrong else ''}ok {n} {name}: {command}")
        for w in wrong:
            print("# " + w.replace("\n", "\n# "))
        sys.stdout.flush()
    shutil.rmtree(top)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
