#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write args.def to standard output: `sudo python3 schema/gen_args.py > schema/args.def`.

Three sources. The running kernel (x86_64, CONFIG_FTRACE_SYSCALLS, best the newest there is): every sys_enter event of
/sys/kernel/tracing says the C type and the name of each argument, as the SYSCALL_DEFINE of the call has them. Section 2
of the manual, for the names that people know: where a page shows as many arguments as the kernel takes, its name comes
first and the kernel's is the alias. And by hand, below: the calls that a kernel for x86_64 does not have, names that
neither source gives, and the types that say less, or more, than what the kernel looks at. The result is checked in.
tests/unit/sysdata_test.c compares it with the running kernel again.
"""
import glob
import gzip
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TRACING = "/sys/kernel/tracing/events/syscalls"

# C type to kind; what the kernel's wrapper of a call (include/linux/syscalls.h, __SC_CAST) casts the register to
KINDS = {
    "int": "I32", "pid_t": "I32", "clockid_t": "I32", "timer_t": "I32", "mqd_t": "I32", "key_t": "I32",
    "key_serial_t": "I32", "rwf_t": "I32", "__s32": "I32",
    "unsigned int": "U32", "unsigned": "U32", "u32": "U32", "__u32": "U32", "uid_t": "U32", "gid_t": "U32",
    "qid_t": "U32", "enum landlock_rule_type": "U32",
    "umode_t": "U16",
    "long": "L", "off_t": "L",
    "unsigned long": "UL", "size_t": "UL", "aio_context_t": "UL",
    "loff_t": "I64", "__u64": "U64",
    "cap_user_header_t": "PTR", "cap_user_data_t": "PTR",
}

# Name of the call here: name of the trace event
EVENTS = {
    "stat": "newstat", "lstat": "newlstat", "fstat": "newfstat", "uname": "newuname", "umount2": "umount",
    "sendfile": "sendfile64", "_newselect": "select", "fcntl64": "fcntl", "ugetrlimit": "getrlimit",
}
SAME_AS = """chown32 lchown32 fchown32 setreuid32 setregid32 setuid32 setgid32 setresuid32 setresgid32 setfsuid32
setfsgid32 getgroups32 setgroups32 getresuid32 getresgid32 getuid32 geteuid32 getgid32 getegid32
clock_adjtime64 clock_getres_time64 clock_gettime64 clock_nanosleep_time64 clock_settime64 futex_time64
io_pgetevents_time64 mq_timedreceive_time64 mq_timedsend_time64 ppoll_time64 pselect6_time64 recvmmsg_time64
rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64 timer_gettime64 timer_settime64
timerfd_gettime64 timerfd_settime64 utimensat_time64""".split()
for call in SAME_AS:
    EVENTS[call] = re.sub(r"(_time64|64|32)$", "", call)

# No kernel of these architectures implements them any more (or ever did), or the call takes nothing.
NOTHING = """afs_syscall break breakpoint create_module epoll_ctl_old epoll_wait_old ftime get_kernel_syms get_tls getpmsg
gtty idle lock mpx multiplexer nfsservctl prof profil putpmsg query_module rseq_slice_yield security sgetmask sigreturn
stty switch_endian timerfd tuxcall ulimit usr26 usr32 vserver""".split()

# Calls without a trace event on x86_64, from their SYSCALL_DEFINE. A row for some architectures replaces the general
# one there. "name|alias:KIND"; architectures as in enum arch_id.
BY_HAND = {
    "_llseek": "fd:U32 offset_high:UL offset_low:UL result:PTR whence:U32",
    "_sysctl": "args:PTR",
    "arm_fadvise64_64": "fd:I32 advice:I32 offset:I64 len:I64",
    "arm_sync_file_range": "fd:I32 flags:U32 offset:I64 nbytes:I64",
    "sync_file_range2": "fd:I32 flags:U32 offset:I64 nbytes:I64",
    "bdflush": "func:I32 data:L",
    "cacheflush": "start:UL end:UL flags:I32",
    "delete_module": "name:PTR flags:U32",
    "fadvise64_64": "fd:I32 offset:I64 len:I64 advice:I32",
    "finit_module": "fd:I32 param_values|uargs:PTR flags:I32",
    # unsigned long in the prototype; the lookup of a descriptor takes an unsigned int
    "fstat64": "fd:U32 statbuf:PTR",
    "stat64": "pathname|filename:PTR statbuf:PTR",
    "lstat64": "pathname|filename:PTR statbuf:PTR",
    "fstatat64": "dirfd|dfd:I32 pathname|filename:PTR statbuf:PTR flags|flag:I32",
    "oldfstat": "fd:U32 statbuf:PTR",
    "oldstat": "pathname|filename:PTR statbuf:PTR",
    "oldlstat": "pathname|filename:PTR statbuf:PTR",
    "statfs64": "path|pathname:PTR sz:UL buf:PTR",
    "fstatfs64": "fd:U32 sz:UL buf:PTR",
    "ftruncate64": "fd:U32 length:I64",
    "truncate64": "path:PTR length:I64",
    "get_thread_area": "u_info:PTR",
    "set_thread_area": "u_info:PTR",
    "set_tls": "value:UL",
    "init_module": "module_image|umod:PTR len:UL param_values|uargs:PTR",
    # sys_ipc() takes a version out of the high half of the call
    "ipc": "call:U16 first:I32 second:UL third:UL ptr:PTR fifth:L",
    "ipc S390X": "call:U16 first:I32 second:UL third:UL ptr:PTR",
    "kexec_file_load": "kernel_fd:I32 initrd_fd:I32 cmdline_len:UL cmdline|cmdline_ptr:PTR flags:UL",
    "kexec_load": "entry:UL nr_segments:UL segments:PTR flags:UL",
    "listns": "req:PTR ns_ids:PTR nr_ns_ids:UL flags:U32",
    "lookup_dcookie": "cookie:U64 buffer|buf:PTR len:UL",
    "map_shadow_stack": "addr:UL size:UL flags:U32",
    "mmap2": "addr:UL length|len:UL prot:UL flags:UL fd:I32 pgoffset|pgoff:UL",
    "nice": "inc|increment:I32",
    "oldolduname": "name|buf:PTR",
    "olduname": "name|buf:PTR",
    "pciconfig_iobase": "which:L bus:UL devfn|dfn:UL",
    "pciconfig_read": "bus:UL dfn:UL off:UL len:UL buf:PTR",
    "pciconfig_write": "bus:UL dfn:UL off:UL len:UL buf:PTR",
    "readdir": "fd:U32 dirp|dirent:PTR count:U32",
    "recv": "sockfd|fd:I32 buf|ubuf:PTR len|size:UL flags:U32",
    "send": "sockfd|fd:I32 buf|buff:PTR len:UL flags:U32",
    "riscv_flush_icache": "start:UL end:UL flags:UL",
    "riscv_hwprobe": "pairs:PTR pair_count:UL cpusetsize:UL cpus:PTR flags:U32",
    "rtas": "args:PTR",
    "s390_guarded_storage": "command:I32 gs_cb:PTR",
    "s390_pci_mmio_read": "mmio_addr:UL user_buffer:PTR length:UL",
    "s390_pci_mmio_write": "mmio_addr:UL user_buffer:PTR length:UL",
    "s390_runtime_instr": "command:I32 signum:I32",
    "s390_sthyi": "function_code:UL resp_buffer|buffer:PTR return_code:PTR flags:UL",
    "sigaction": "signum|sig:I32 act:PTR oldact|oact:PTR",
    "signal": "signum|sig:I32 handler:PTR",
    "sigpending": "set|uset:PTR",
    "sigprocmask": "how:I32 set|nset:PTR oldset|oset:PTR",
    # CONFIG_OLD_SIGSUSPEND3 on x86, arm and s390; CONFIG_OLD_SIGSUSPEND on powerpc
    "sigsuspend": "unused1:I32 unused2:I32 mask:UL",
    "sigsuspend PPC64LE": "mask:UL",
    "socketcall": "call:I32 args:PTR",
    "spu_create": "pathname|name:PTR flags:U32 mode:U16 neighbor_fd:I32",
    "spu_run": "fd:I32 npc:PTR event|status:PTR",
    "ssetmask": "newmask:I32",
    "stime": "t|tptr:PTR",
    "subpage_prot": "addr:UL len:UL map:PTR",
    "swapcontext": "old_ctx:PTR new_ctx:PTR ctx_size:L",
    "sys_debug_setcontext": "ctx:PTR ndbg:I32 dbg:PTR",
    "umount": "target|name:PTR",  # i386's number 22; the event of that name is umount2's
    "uselib": "library:PTR",
    "vm86": "cmd:UL arg:UL",
    "vm86old": "info|user_vm86:PTR",
    "waitpid": "pid:I32 wstatus|stat_addr:PTR options:I32",

    # The order of clone(2): CONFIG_CLONE_BACKWARDS everywhere but on x86_64, and on s390 CONFIG_CLONE_BACKWARDS2.
    # The flags are unsigned long, of which the call uses lower_32_bits() (kernel/fork.c).
    "clone": "flags|clone_flags:U32 stack|newsp:UL parent_tid|parent_tidptr:PTR tls:UL child_tid|child_tidptr:PTR",
    "clone X86_64":
        "flags|clone_flags:U32 stack|newsp:UL parent_tid|parent_tidptr:PTR child_tid|child_tidptr:PTR tls:UL",
    "clone S390X":
        "stack|newsp:UL flags|clone_flags:U32 parent_tid|parent_tidptr:PTR child_tid|child_tidptr:PTR tls:UL",
    # One pointer to the six arguments: sys_old_mmap(), sys_s390_old_mmap(), sys_old_select()
    "mmap I386 S390X": "arg:PTR",
    "select I386": "arg:PTR",
}
# uid16: kernel/uid16.c behind the old numbers of i386 and arm. 16 bits are what the kernel keeps.
for call, names in {
    "chown": "pathname|filename:PTR owner|user:U16 group:U16", "lchown": "pathname|filename:PTR owner|user:U16 group:U16",
    "fchown": "fd:U32 owner|user:U16 group:U16", "setreuid": "ruid:U16 euid:U16", "setregid": "rgid:U16 egid:U16",
    "setuid": "uid:U16", "setgid": "gid:U16", "setresuid": "ruid:U16 euid:U16 suid:U16",
    "setresgid": "rgid:U16 egid:U16 sgid:U16", "setfsuid": "fsuid|uid:U16", "setfsgid": "fsgid|gid:U16",
}.items():
    BY_HAND[call + " I386 ARM"] = names

# Declared unsigned long; what uses them takes an int: a value with other high bits means the same to the kernel.
# fdget() and fget() take an unsigned int.
NARROW = {("mmap", "fd"): "I32"}
for call in "readv writev preadv pwritev preadv2 pwritev2".split():
    NARROW[call, "fd"] = "U32"

# Names that the manual does not show as the system call's own, or that other tools use. (call, kernel's name): names
NAMES = {
    ("ioctl", "cmd"): ["request", "cmd", "op"],
    ("ioctl", "arg"): ["arg", "argp"],
    ("keyctl", "option"): ["operation", "option", "cmd"],
    ("prctl", "option"): ["option", "op"],
    ("mmap", "off"): ["offset", "off"],
    ("fcntl", "cmd"): ["cmd", "op"],
    ("futex", "op"): ["futex_op", "op"],
    ("bpf", "uattr"): ["attr", "uattr"],
    ("seccomp", "op"): ["operation", "op"],
    ("ptrace", "request"): ["request", "op"],
    ("flock", "cmd"): ["operation", "cmd", "op"],
    ("personality", "personality"): ["persona", "personality"],
    ("unshare", "unshare_flags"): ["flags", "unshare_flags"],
    ("setns", "flags"): ["nstype", "flags"],
    ("socket", "family"): ["domain", "family"],
    ("socketpair", "family"): ["domain", "family"],
    ("socketpair", "usockvec"): ["sv", "usockvec"],
    ("semctl", "cmd"): ["cmd", "op"],
    ("shmctl", "cmd"): ["cmd", "op"],
    ("msgctl", "cmd"): ["cmd", "op"],
    ("arch_prctl", "option"): ["code", "option", "op"],
    ("arch_prctl", "arg2"): ["addr", "arg2"],
    ("madvise", "behavior"): ["advice", "behavior"],
    ("madvise", "start"): ["addr", "start"],
    ("process_madvise", "behavior"): ["advice", "behavior"],
    ("mq_open", "oflag"): ["oflag", "flags"],
    ("access", "mode"): ["mode"],
    ("quotactl", "cmd"): ["cmd", "op"],
    ("syslog", "type"): ["type"],
    ("syslog", "buf"): ["bufp", "buf"],
    ("reboot", "cmd"): ["cmd", "op"],
    ("umount2", "name"): ["target", "name"],
    ("fchmodat2", "dfd"): ["dirfd", "dfd"],
    ("fchmodat2", "filename"): ["pathname", "filename"],
    ("shutdown", "fd"): ["sockfd", "fd"],
    ("listen", "fd"): ["sockfd", "fd"],
    ("mount", "flags"): ["flags", "mountflags"],
    ("mount", "type"): ["fstype", "type", "filesystemtype"],
    ("waitid", "which"): ["idtype", "which"],
    ("waitid", "upid"): ["id", "upid"],
    ("rt_sigaction", "sig"): ["signum", "sig"],
    ("signalfd4", "ufd"): ["fd", "ufd"],
}
# The kernel's names that are written otherwise everywhere; used when the manual has nothing
USUAL = {"pos": "offset", "ufds": "fds", "buff": "buf", "ubuf": "buf", "dfd": "dirfd", "olddfd": "olddirfd", "newdfd": "newdirfd", "filename": "pathname", "which_clock": "clockid"}


def calls():
    with open(f"{HERE}/syscalls.def", encoding="utf-8") as table:
        return re.findall(r"^SYSCALL\((\w+),", table.read(), re.M)


def traced():
    events = {}
    for path in glob.glob(f"{TRACING}/sys_enter_*/format"):
        fields = re.findall(r"^\tfield:(.*?);", open(path, encoding="utf-8").read(), re.M)
        args = []
        for field in fields[5:]:  # after the common ones and the number
            kind_of, name = field.rsplit(" ", 1)
            if "*" in kind_of:
                kind = "PTR"
            else:
                kind = KINDS[kind_of.replace("const ", "")]
            args.append((name, kind))
        events[path.split("sys_enter_")[1].split("/")[0]] = args
    if not events:
        sys.exit(f"nothing in {TRACING}: mount tracefs, and be root")
    return events


def manual(call, count):
    """Names of the arguments in the page's synopsis, or nothing when it shows another number of them."""
    path = f"/usr/share/man/man2/{call}.2.gz"
    if not os.path.exists(path):
        return None
    page = gzip.open(path, "rt", encoding="utf-8").read()
    if page.startswith(".so "):
        target = "/usr/share/man/" + page.split()[1] + ".gz"
        if not os.path.exists(target):
            return None
        page = gzip.open(target, "rt", encoding="utf-8").read()
    text = subprocess.run(["mandoc", "-Tascii", "-Owidth=200"], input=page.encode(), capture_output=True, check=False)
    text = re.sub(r".\x08", "", text.stdout.decode())
    synopsis = text.split("SYNOPSIS")[-1].split("DESCRIPTION")[0]
    for form in (rf"\bsyscall\(SYS_{call}\s*,([^)]*)\)", rf"\b{call}\(([^)]*)\);"):
        for found in re.findall(form, synopsis):
            found = re.sub(r"/\*.*?\*/", "", found)
            parts = [p.strip() for p in found.split(",")] if found.strip() not in ("", "void") else []
            names = [re.search(r"(\w+)(?:\[[^]]*\])?$", p) for p in parts]
            declared = all(" " in p for p in parts)  # not a call in an example
            if len(parts) == count and all(names) and declared:
                return [n.group(1) for n in names]
    return None


def named(call, event, args):
    # signalfd(2) shows the library's function, whose third argument is another
    shown = None if event == "signalfd" else manual(call, len(args)) or manual(event, len(args))
    slots = []
    for index, (name, kind) in enumerate(args):
        kind = NARROW.get((event, name), kind)
        kernel = name.lstrip("_")
        first = shown[index] if shown else USUAL.get(kernel, kernel)
        names = list(NAMES.get((call, name), NAMES.get((event, name), [first])))
        for other in (first, kernel, USUAL.get(kernel)):
            if other and other not in names:
                names.append(other)
        slots.append((names, kind))
    taken = {s[0][0] for s in slots}  # a first name is not another argument's alias
    return [([n for i, n in enumerate(names) if i == 0 or n not in taken], kind) for names, kind in slots]


def by_hand(text):
    return [(slot.split(":")[0].split("|"), slot.split(":")[1]) for slot in text.split()]


def row(call, arches, slots):
    on = "EVERY" if not arches else " | ".join(f"ON({a})" for a in arches)
    text = "".join(", A({}, {})".format(kind, ", ".join(f'"{n}"' for n in names)) for names, kind in slots)
    return f"ARGS({call}, {on}{text})"


def main():
    events = traced()
    print("""/*
 * The arguments of every call of syscalls.def, in register order. Written by schema/gen_args.py, which says where they
 * come from. The row that names an architecture replaces the general one there; it follows that one.
 * ARGS(call, EVERY or ON(arch) | ON(arch)…, A(kind, "name", "alias", …), …)
 * Kinds, which are what the kernel looks at, not how wide the register is:
 *   I32, U32   int, unsigned int: the low word
 *   U16        umode_t, and the user and group numbers of i386's and arm's old calls: the low 16 bits
 *   L, UL      long, unsigned long: the register, 32 bits on 32-bit architectures
 *   I64, U64   loff_t, u64: a register; on 32-bit architectures two, on arm an even and the next
 *   PTR        a pointer
 */""")
    for call in calls():
        rows = [(k.split()[1:], by_hand(v)) for k, v in BY_HAND.items() if k.split()[0] == call]
        general = [r for r in rows if not r[0]]
        if not general:
            event = EVENTS.get(call, call)
            if call in NOTHING:
                slots = []
            elif event in events:
                slots = named(call, event, events[event])
            else:
                sys.exit(f"{call}: no source knows its arguments")
            rows.insert(0, ([], slots))
        for arches, slots in rows:
            print(row(call, arches, slots))
    print("#undef ARGS")


main()
