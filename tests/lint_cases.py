#!/usr/bin/env python3
"""What lint says about many policies, with the position and the name of everything said.
Usage: lint_cases.py LLC types|keys|cases|checks

types: for every key of schema/keys.def every TOML type that the key does not take, as value and as array element
keys:  for every key a misspelling, in every table
cases: the documents of tests/bad_input.cases, which must be refused
checks: the documents of tests/checks.cases, which warn
Everything is linted in a temporary directory. Any exit status but 0 and 1 is a failure, so is death by a signal.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

VALUES = {
    "string": '"x"', "integer": "7", "float": "1.5", "boolean": "true", "array": "[]", "table": "{}",
    "local date": "1979-05-27", "offset date-time": "1979-05-27T07:32:00Z",
}
# key type: (types it takes, types of its elements)
TYPES = {
    "STRING": ({"string"}, None), "INT": ({"integer"}, None), "BOOL": ({"boolean"}, None),
    "ERRNO": ({"string", "integer"}, None), "TABLE": ({"table"}, None), "MAP": ({"table"}, None),
    "TABLEMAP": ({"table"}, None), "STRINGS": ({"array"}, {"string"}), "INTS": ({"array"}, {"integer"}),
    "PATHS": ({"array"}, {"string", "table"}), "TABLES": ({"array"}, {"table"}),
}
# the keys with a second form: schema/keys.def says so in their help
SECOND_FORM = {("FS", "unrestricted"): "boolean", ("PROCESS", "drop_caps"): "string", ("CALL_RULE", "syscall"): "string"}


def vocabulary():
    tables, keys = {}, []
    text = open(os.path.join(HERE, "../schema/keys.def"), encoding="utf-8").read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for table, path in re.findall(r'^TABLE\((\w+), "([^"]*)"', text, re.M):
        tables[table] = path
    for row in re.findall(r'^KEY\((\w+), "([^"]+)", (\w+),', text, re.M):
        keys.append(row)
    companions = open(os.path.join(HERE, "../schema/companions.def"), encoding="utf-8").read()
    for name in re.findall(r"^COMPANION\(\w+, (\w+),", companions, re.M):
        keys.append(("COMPANIONS", name, "BOOL"))
    if len(tables) < 15 or len(keys) < 60:
        sys.exit("schema/keys.def: cannot be read")
    return tables, keys


def headers(path):
    """The lines that open a table: "fs_layer[].rule[]" is [[fs_layer]], [[fs_layer.rule]]."""
    lines, name = [], ""
    parts = path.split(".") if path else []
    for i, part in enumerate(parts):
        name += ("." if name else "") + part.rstrip("[]").replace("*", "x")
        if part.endswith("[]"):
            lines.append("[[%s]]" % name)
        elif i == len(parts) - 1:
            lines.append("[%s]" % name)
    return lines


def document(path, key, line):
    """Returns the text and the number of the line that is wrong."""
    lines = [] if (path, key) == ("", "version") else ["version = 1"]
    lines += headers(path)
    return "\n".join(lines + [line]) + "\n", len(lines) + 1


def lint(llc, documents):
    """documents: name -> text. Returns name -> list of (line, column, check, severity, message, notes)."""
    found = {name: [] for name in documents}
    with tempfile.TemporaryDirectory() as directory:
        for name, text in documents.items():
            with open(os.path.join(directory, name), "wb") as out:
                out.write(text if isinstance(text, bytes) else text.encode())
        names = list(documents)
        for i in range(0, len(names), 200):
            run = subprocess.run([llc, "lint", "--format", "json"] + names[i : i + 200], cwd=directory,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if run.returncode not in (0, 1) or run.stderr:
                sys.exit("lint: status %d, %r" % (run.returncode, run.stderr[:300]))
            said = json.loads(run.stdout)["diagnostics"]
            if run.returncode != any(d["severity"] == "error" for d in said):
                sys.exit("lint: status %d does not fit what was said" % run.returncode)
            for d in said:
                notes = [n["message"] for n in d["notes"]]
                found[d["file"]].append((d["line"], d["column"], d["check"], d["severity"], d["message"], notes))
    return found


def report(failures, count):
    for failure in failures:
        print(failure)
    print("%d cases" % count)
    sys.exit(1 if failures else 0)


def check_types(llc):
    tables, keys = vocabulary()
    documents, wanted = {}, {}

    def add(table, key, line, column):
        name = "%03d.toml" % len(documents)
        documents[name], number = document(tables[table], key, line)
        wanted[name] = (number, column, "%s.%s: %s" % (table, key, line))

    for table, key, kind in keys:
        takes, elements = TYPES[kind]
        for name, value in VALUES.items():
            if name not in takes and SECOND_FORM.get((table, key)) != name:
                add(table, key, "%s = %s" % (key, value), len(key) + 4)
            if elements and name not in elements:
                add(table, key, "%s = [ %s ]" % (key, value), len(key) + 6)
            if kind == "MAP" and name != "string":
                add(table, key, "%s = { a = %s }" % (key, value), len(key) + 10)
            if kind == "TABLEMAP" and name != "table":
                add(table, key, "%s = { a = %s }" % (key, value), len(key) + 10)
    found = lint(llc, documents)
    failures = [wanted[name][2] + " -> " + repr(found[name]) for name in documents
                if not any(d[:4] == (wanted[name][0], wanted[name][1], "wrong-type", "error") for d in found[name])]
    report(failures, len(documents))


def check_keys(llc):
    tables, keys = vocabulary()
    documents, wanted = {}, {}
    for table, key, _ in keys:
        for word, hint in ((key[:-1] + "q", key if len(key) > 4 else None), ("zzzzzzzzzzzz", "")):
            name = "%03d.toml" % len(documents)
            documents[name], number = document(tables[table], None, "%s = 1" % word)
            wanted[name] = (number, hint, "%s.%s" % (table, word))
    found = lint(llc, documents)
    failures = []
    for name, (number, hint, what) in wanted.items():
        mine = [d for d in found[name] if d[:3] == (number, 1, "unknown-key")]
        hints = [n for d in mine for n in d[5]]
        if len(mine) != 1 or (hint and hints != ['did you mean "%s"?' % hint]) or (
                hint == "" and any("did you mean" in n for n in hints)):
            failures.append("%s: %r" % (what, found[name]))
    report(failures, len(documents))


def read_cases(file):
    """Blocks: "=== name", lines "! LINE:COLUMN check [words]" (0:0 none: nothing is said), and the document."""
    name, cases = None, {}
    for line in open(os.path.join(HERE, file), encoding="utf-8"):
        if line.startswith("=== "):
            name = line[4:].strip()
            assert name not in cases, name
            cases[name] = ([], [])
        elif line.startswith("! "):
            cases[name][0].append(line[2:].split(None, 2))
        elif name:
            cases[name][1].append(line)
        elif line.strip() and not line.startswith("#"):
            sys.exit(file + ": text before the first case")
    return cases


def compare(llc, file, loud):
    cases = read_cases(file)
    files = {"%03d.toml" % i: name for i, name in enumerate(cases)}
    found = lint(llc, {f: "".join(cases[name][1]) for f, name in files.items()})
    failures = []
    for f, name in files.items():
        want = {(w[0], w[1]) for w in cases[name][0]}
        checks = {w[1] for w in want}
        mine = [d for d in found[f] if d[3] in loud or d[2] in checks]
        got = {("%s:%s" % d[:2], d[2]) for d in mine} or {("0:0", "none")}
        words = [w[2].strip() for w in cases[name][0] if len(w) > 2]
        said = "\n".join([d[4] + "\n" + "\n".join(d[5]) for d in mine])
        if want != got or any(w not in said for w in words):
            failures.append("%s: wanted %s %s, got %s" % (name, sorted(want), words, mine))
    report(failures, len(cases))


def check_cases(llc):
    compare(llc, "bad_input.cases", ("error",))


def check_checks(llc):
    compare(llc, "checks.cases", ("error", "warning"))


if __name__ == "__main__":
    {"types": check_types, "keys": check_keys, "cases": check_cases, "checks": check_checks}[sys.argv[2]](os.path.abspath(sys.argv[1]))
