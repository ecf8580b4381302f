#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write syscalls.def to standard output: `python3 schema/gen_syscalls.py > schema/syscalls.def`.

Two sources. The numbers of the installed libseccomp (2.5.4 as Debian 12 ships it knows Linux 5.17 and a few later
calls), read through its number-to-name direction: the other direction answers the pseudo numbers of socketcall(2) and
ipc(2) even where the call has a number of its own. And NEWER below, kept by hand from the kernel's own tables; an entry
that contradicts libseccomp stops the script. The result is checked in: compiling a policy must not depend on the
libseccomp of the machine. tests/unit/syscalls_test.c compares the two again on every run.
"""
import ctypes
import sys

RELEASE = "7.0"
# In the order of enum arch_id. The audit numbers are those of include/uapi/linux/audit.h.
ARCHES = {
    "x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003, "arm": 0x40000028,
    "riscv64": 0xC00000F3, "s390x": 0x80000016, "ppc64le": 0xC0000015,
}
EVERY = tuple(ARCHES)
# arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl, arch/{arm/tools,s390/kernel/syscalls}/syscall.tbl.
# Since 5.1 a new call has one number on every architecture but alpha.
NEWER = [
    ("set_mempolicy_home_node", 450, EVERY),  # 5.17
    ("cachestat", 451, EVERY),  # 6.5
    ("fchmodat2", 452, EVERY),  # 6.6
    ("map_shadow_stack", 453, EVERY),  # 6.6; wired everywhere in 6.7
    ("futex_wake", 454, EVERY),  # 6.7
    ("futex_wait", 455, EVERY),
    ("futex_requeue", 456, EVERY),
    ("statmount", 457, EVERY),  # 6.8
    ("listmount", 458, EVERY),
    ("lsm_get_self_attr", 459, EVERY),
    ("lsm_set_self_attr", 460, EVERY),
    ("lsm_list_modules", 461, EVERY),
    ("mseal", 462, EVERY),  # 6.10
    ("setxattrat", 463, EVERY),  # 6.13
    ("getxattrat", 464, EVERY),
    ("listxattrat", 465, EVERY),
    ("removexattrat", 466, EVERY),
    ("open_tree_attr", 467, EVERY),  # 6.15
    ("file_getattr", 468, EVERY),  # 6.17
    ("file_setattr", 469, EVERY),
    ("listns", 470, EVERY),  # 6.19
    ("rseq_slice_yield", 471, EVERY),  # 7.0
    ("memfd_secret", 447, ("x86_64", "aarch64", "i386", "riscv64", "s390x")),  # s390 since 6.3
    ("uretprobe", 335, ("x86_64",)),  # 6.11
    ("uprobe", 336, ("x86_64",)),  # 6.18
    ("riscv_hwprobe", 258, ("riscv64",)),  # 6.4
]
# Table numbers, and the few private ones that 32-bit ARM keeps above 0xf0000.
NUMBERS = list(range(0, 1024)) + list(range(0xF0000, 0xF0010))


def libseccomp():
    lib = ctypes.CDLL("libseccomp.so.2")
    resolve = lib.seccomp_syscall_resolve_num_arch
    resolve.argtypes, resolve.restype = [ctypes.c_uint32, ctypes.c_int], ctypes.c_void_p
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]
    table = {}
    for arch, audit in ARCHES.items():
        for number in NUMBERS:
            text = resolve(audit, number)
            if text:
                table.setdefault(ctypes.string_at(text).decode(), {})[arch] = number
                free(text)
    return table


def main():
    table = libseccomp()
    for name, number, arches in NEWER:
        row = table.setdefault(name, {})
        for arch in arches:
            if row.setdefault(arch, number) != number:
                sys.exit(f"{name} on {arch}: {row[arch]} in libseccomp, {number} here")
    print(f"""/*
 * System call numbers, one row per name, sorted by name; -1 where the architecture does not have the call.
 * Complete for Linux {RELEASE}. Written by schema/gen_syscalls.py, which says where the numbers come from.
 * SYSCALL(name, {", ".join(ARCHES)})
 */""")
    for name in sorted(table):
        numbers = ", ".join(str(table[name].get(arch, -1)) for arch in ARCHES)
        print(f"SYSCALL({name}, {numbers})")
    print("#undef SYSCALL")


main()
