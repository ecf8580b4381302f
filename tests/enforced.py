#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enforced.py POLICY.llb: the enforced content of a blob, one fact per line.

Written from docs/blob-format.md alone: it shares no code with the compiler, the reader or the dumper, so that what
it prints can judge them. Two blobs that print the same enforce the same; names of files, lines and texts for people
are left out."""
import struct
import sys

SECTIONS = ("plans rulesets paths ports slots filters insns env process guarantees losses source meta mounts broker "
            "strings").split()


def main(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89LPB\r\n\x1a\n", "magic"
    nlayers = struct.unpack_from("<I", data, 32)[0]
    section = {}
    for i, name in enumerate(SECTIONS):
        off, size = struct.unpack_from("<II", data, 40 + 8 * i)
        section[name] = data[off:off + size]

    def text(off):
        strings = section["strings"]
        return repr(strings[off:strings.index(b"\0", off)])

    def records(name, form):
        return enumerate(struct.iter_unpack("<" + form, section[name]))

    print("layers", nlayers)
    for i, (size, flags, group, plan) in records("plans", "IIII"):
        print("plan", i, size, flags, group, plan)
    for i, masks in records("rulesets", "6Q"):
        print("ruleset", i, *masks)
    for i, (dirs, files, name, layer, anchor, base, flags, _) in records("paths", "QQ6I"):
        print("path", i, hex(dirs), hex(files), text(name), layer, anchor, base, flags)
    for i, (access, port, layer, _) in records("ports", "QQII"):
        print("port", i, access, port, layer)
    for i, (name, origin, variable, fallback, flags, _) in records("slots", "6I"):
        print("slot", i, text(name), origin, text(variable), text(fallback), flags)
    for i, row in records("filters", "6I"):
        print("filter", i, *row)
    for i, row in records("insns", "HBBI"):
        print("insn", i, *row)
    for i, (op, name) in records("env", "II"):
        print("env", i, op, text(name))
    print("process", section["process"].hex())
    min_abi, flags = struct.unpack_from("<II", section["meta"], 16)
    print("meta", text(struct.unpack_from("<I", section["meta"])[0]), min_abi, flags)


if __name__ == "__main__":
    main(sys.argv[1])
