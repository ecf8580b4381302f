#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write constants.def to standard output: `python3 schema/gen_constants.py DIR > schema/constants.def`.

FAMILIES below says which names there are, by prefix, and where they make sense. The values are the compiler's: every
name of a family that the kernel's headers for an architecture define is compiled for that architecture by clang, and
read back from the assembly. DIR holds Debian's header packages unpacked (dpkg -x): linux-libc-dev-CROSS-cross for
amd64, arm64, i386, armhf, riscv64, s390x and ppc64el. What the kernel keeps to
itself (AF_*, SOCK_*, MSG_*, SOL_*: include/linux/socket.h, net.h) comes from the C library's headers; on these
architectures the values are the same. NEWER is kept by hand: what the headers of Debian 12 (Linux 6.1) do not have.
The result is checked in; tests/unit/sysdata_test.c compares it with the headers again.
"""
import os
import re
import subprocess
import sys
import tempfile

# In the order of enum arch_id: name, clang's target, directory of headers
ARCHES = [
    ("X86_64", "x86_64-linux-gnu", "usr/x86_64-linux-gnu/include"),
    ("AARCH64", "aarch64-linux-gnu", "usr/aarch64-linux-gnu/include"),
    ("I386", "i386-linux-gnu", "usr/i686-linux-gnu/include"),
    ("ARM", "arm-linux-gnueabihf", "usr/arm-linux-gnueabihf/include"),
    ("RISCV64", "riscv64-linux-gnu", "usr/riscv64-linux-gnu/include"),
    ("S390X", "s390x-linux-gnu", "usr/s390x-linux-gnu/include"),
    ("PPC64LE", "powerpc64le-linux-gnu", "usr/powerpc64le-linux-gnu/include"),
]
# What some of the kernel's headers want from the C library
STUBS = tempfile.TemporaryDirectory()
for stub, content in {"unistd.h": "", "sys/time.h": "#include <linux/time.h>\n", "sys/types.h": "#include <linux/types.h>\n",
                      "sys/ioctl.h": "#include <asm/ioctl.h>\n", "time.h": "#include <linux/time.h>\n",
                      "sys/socket.h": "#include <linux/socket.h>\n"}.items():
    os.makedirs(os.path.dirname(os.path.join(STUBS.name, stub)), exist_ok=True)
    with open(os.path.join(STUBS.name, stub), "w", encoding="utf-8") as out:
        out.write(content)

# Family: (pattern of its names, not these, where they make sense, meaning). The first family that matches has the name.
# "call.argument"; a call ending in "*" stands for those that begin so.
FAMILIES = {
    "AF": (r"(AF|PF)_[A-Z0-9]+", r".*_MAX|PF_(?!UNIX|INET|INET6|LOCAL|NETLINK|PACKET|UNSPEC|ALG|VSOCK).*|AF_(UN|IN)",
           "socket.domain socketpair.domain", "address families"),
    "SOCK": (r"SOCK_(STREAM|DGRAM|RAW|RDM|SEQPACKET|DCCP|PACKET|CLOEXEC|NONBLOCK|TYPE_MASK)", None,
             "socket.type socketpair.type accept4.flags", "socket types, and the flags beside them"),
    "IPPROTO": (r"IPPROTO_[A-Z0-9]+", r".*_MAX", "socket.protocol socketpair.protocol setsockopt.level getsockopt.level",
                "protocols of the Internet families"),
    "NETLINK": (r"NETLINK_[A-Z0-9_]+", r"NETLINK_(ADD|DROP|LIST|GET|EXT|CAP|NO_|BROADCAST|PKTINFO|RX_|TX_|LISTEN|UNCONN|CONNECTED)"
                r".*", "socket.protocol socketpair.protocol", "netlink protocols"),
    "SHUT": (r"SHUT_(RD|WR|RDWR)", None, "shutdown.how", "directions of shutdown(2)"),
    "SOL": (r"SOL_[A-Z0-9_]+", None, "setsockopt.level getsockopt.level", "levels of socket options"),
    "SO": (r"SO_[A-Z0-9_]+", None, "setsockopt.optname getsockopt.optname", "socket options"),
    "SCM": (r"SCM_(RIGHTS|CREDENTIALS|SECURITY)", None, "", "control messages"),
    "TCP": (r"TCP_(NODELAY|MAXSEG|CORK|KEEP\w+|SYNCNT|LINGER2|DEFER_ACCEPT|WINDOW_CLAMP|INFO|QUICKACK|CONGESTION|MD5SIG\w*|"
            r"USER_TIMEOUT|REPAIR\w*|FASTOPEN\w*|TIMESTAMP|NOTSENT_LOWAT|CC_INFO|SAVE\w*|ULP|ZEROCOPY_RECEIVE|INQ|CM_INQ|TX_DELAY)",
            r"TCP_REPAIR_(ON|OFF|OFF_NO_WP)|TCP_MD5SIG_\w+", "setsockopt.optname getsockopt.optname", "options of TCP"),
    "UDP": (r"UDP_(CORK|ENCAP|NO_CHECK6_TX|NO_CHECK6_RX|SEGMENT|GRO)", None, "setsockopt.optname getsockopt.optname",
            "options of UDP"),
    "IP": (r"IP_(TOS|TTL|HDRINCL|OPTIONS|ROUTER_ALERT|RECVOPTS|RETOPTS|PKTINFO|MTU|MTU_DISCOVER|RECVERR|RECVTTL|RECVTOS|FREEBIND|"
           r"TRANSPARENT|MINTTL|NODEFRAG|BIND_ADDRESS_NO_PORT|MULTICAST_\w+|ADD_\w+|DROP_\w+|MSFILTER|UNBLOCK_SOURCE|BLOCK_SOURCE|"
           r"UNICAST_IF|XFRM_POLICY|IPSEC_POLICY)", None, "setsockopt.optname getsockopt.optname", "options of IPv4"),
    "IPV6": (r"IPV6_(ADDRFORM|2292\w+|CHECKSUM|UNICAST_HOPS|MULTICAST_\w+|JOIN_\w+|LEAVE_\w+|ADD_\w+|DROP_\w+|ROUTER_ALERT|MTU\w*|"
             r"RECVERR|V6ONLY|JOIN_ANYCAST|FLOWLABEL_MGR|FLOWINFO_SEND|IPSEC_POLICY|XFRM_POLICY|HDRINCL|RECV\w+|PKTINFO|HOPLIMIT|"
             r"HOPOPTS|DSTOPTS|RTHDR\w*|PATHMTU|DONTFRAG|TCLASS|AUTOFLOWLABEL|FREEBIND|TRANSPARENT|UNICAST_IF)", None,
             "setsockopt.optname getsockopt.optname", "options of IPv6"),
    "MSG": (r"MSG_(OOB|PEEK|DONTROUTE|TRYHARD|CTRUNC|PROXY|PROBE|TRUNC|DONTWAIT|EOR|WAITALL|FIN|SYN|CONFIRM|RST|ERRQUEUE|NOSIGNAL|"
            r"MORE|WAITFORONE|BATCH|ZEROCOPY|FASTOPEN|CMSG_CLOEXEC)", None,
            "send*.flags recv*.flags", "flags of messages"),
    "MSGQ": (r"MSG_(NOERROR|EXCEPT|COPY)|MSG_(STAT|INFO|STAT_ANY)", None, "msgrcv.msgflg msgctl.cmd", "System V messages"),
    "O": (r"O_[A-Z0-9_]+", r"O_(RSYNC|FSYNC)", "open.flags openat.flags open_by_handle_at.flags mq_open.oflag pipe2.flags dup3.flags "
          "fcntl.arg fcntl64.arg", "flags of open(2)"),
    "AT": (r"AT_(FDCWD|SYMLINK_NOFOLLOW|EACCESS|REMOVEDIR|SYMLINK_FOLLOW|NO_AUTOMOUNT|EMPTY_PATH|STATX_\w+|RECURSIVE|HANDLE_\w+|"
           r"RENAME_\w+|EXECVE_CHECK)", None,
           "*.dirfd *.olddirfd *.newdirfd *.from_dfd *.to_dfd *at.flags *at2.flags fstatat64.flags utimensat_time64.flags "
           "statx.flags open_tree.flags open_tree_attr.flags mount_setattr.flags *.at_flags", "flags and the directory of the *at() calls"),
    "R_OK": (r"[RWXF]_OK", None, "access.mode faccessat.mode faccessat2.mode", "accesses asked for"),
    "S": (r"S_(IF[A-Z]+|IS[UGV][ITX][DX]?|IR[A-Z]+|IW[A-Z]+|IX[A-Z]+)", None, "*chmod*.mode mk*.mode open.mode openat.mode creat.mode mq_open.mode spu_create.mode umask.mask",
          "file types and permissions"),
    "SEEK": (r"SEEK_(SET|CUR|END|DATA|HOLE)", None, "lseek.whence _llseek.whence", "what an offset counts from"),
    "F": (r"F_(DUPFD\w*|[GS]ETFD|[GS]ETFL|[GS]ETLK\w*|[GS]ETOWN\w*|[GS]ETSIG|OFD_\w+|[GS]ETLEASE|NOTIFY|CANCELLK|[GS]ETPIPE_SZ|"
          r"(ADD|GET)_SEALS|[GS]ET_\w*RW_HINT|CREATED_QUERY|DUPFD_QUERY|RDLCK|WRLCK|UNLCK|SEAL_\w+)", None,
          "fcntl.cmd fcntl64.cmd fcntl.arg fcntl64.arg", "commands of fcntl(2), seals"),
    "FD": (r"FD_CLOEXEC", None, "fcntl.arg fcntl64.arg", "flags of descriptors"),
    "DN": (r"DN_[A-Z_]+", None, "fcntl.arg fcntl64.arg", "directory notification"),
    "LOCK": (r"LOCK_(SH|EX|NB|UN)", None, "flock.operation", "file locks"),
    "FALLOC": (r"FALLOC_FL_\w+", None, "fallocate.mode", "modes of fallocate(2)"),
    "POSIX_FADV": (r"POSIX_FADV_\w+", None, "fadvise64.advice fadvise64_64.advice arm_fadvise64_64.advice", "advice about files"),
    "RENAME": (r"RENAME_\w+", None, "renameat2.flags", "flags of renameat2(2)"),
    "XATTR": (r"XATTR_(CREATE|REPLACE)", None, "*setxattr.flags", "flags of setxattr(2)"),
    "STATX": (r"STATX_[A-Z0-9_]+", r"STATX_ATTR_.*|STATX__\w+", "statx.mask", "fields of statx(2)"),
    "RESOLVE": (r"RESOLVE_\w+", None, "", "path resolution of openat2(2), behind a pointer"),
    "SPLICE": (r"SPLICE_F_\w+", None, "splice.flags tee.flags vmsplice.flags", "flags of splice(2)"),
    "SYNC_FILE_RANGE": (r"SYNC_FILE_RANGE_\w+", None, "sync_file_range.flags sync_file_range2.flags arm_sync_file_range.flags",
                        "flags of sync_file_range(2)"),
    "RWF": (r"RWF_\w+", None, "preadv2.flags pwritev2.flags", "flags of one read or write"),
    "CLOSE_RANGE": (r"CLOSE_RANGE_\w+", None, "close_range.flags", "flags of close_range(2)"),
    "CLONE": (r"CLONE_[A-Z0-9_]+|CSIGNAL", r"CLONE_ARGS_\w+", "clone.flags unshare.flags setns.nstype", "flags of clone(2)"),
    "PROT": (r"PROT_[A-Z]+", None, "mmap.prot mmap2.prot mprotect.prot pkey_mprotect.prot remap_file_pages.prot", "memory protection"),
    "MAP": (r"MAP_[A-Z0-9_]+", None, "mmap.flags mmap2.flags remap_file_pages.flags", "flags of mmap(2)"),
    "MADV": (r"MADV_[A-Z0-9_]+", None, "madvise.advice process_madvise.advice", "advice about memory"),
    "MREMAP": (r"MREMAP_\w+", None, "mremap.flags", "flags of mremap(2)"),
    "MS_SYNC": (r"MS_(ASYNC|INVALIDATE|SYNC)", None, "msync.flags", "flags of msync(2)"),
    "MCL": (r"MCL_\w+", None, "mlockall.flags", "flags of mlockall(2)"),
    "MLOCK": (r"MLOCK_\w+", None, "mlock2.flags", "flags of mlock2(2)"),
    "MPOL": (r"MPOL_[A-Z0-9_]+", None, "set_mempolicy.mode mbind.mode mbind.flags get_mempolicy.flags move_pages.flags",
             "NUMA policies"),
    "PKEY": (r"PKEY_(DISABLE_\w+|ACCESS_MASK)", None, "pkey_alloc.access_rights", "rights of protection keys"),
    "MFD": (r"MFD_[A-Z0-9_]+", None, "memfd_create.flags", "flags of memfd_create(2)"),
    "MEMBARRIER": (r"MEMBARRIER_CMD_\w+|MEMBARRIER_CMD_FLAG_CPU", None, "membarrier.cmd membarrier.flags", "membarrier(2)"),
    "FUTEX": (r"FUTEX_[A-Z0-9_]+|FUTEX2_\w+", r"FUTEX_OP_\w+|FUTEX_TID_MASK|FUTEX_WAITERS|FUTEX_OWNER_DIED|FUTEX_BITSET_MATCH_ANY",
              "futex.futex_op futex_time64.futex_op futex_wait.flags futex_wake.flags futex_requeue.flags futex_waitv.flags", "futexes"),
    "PR": (r"PR_[A-Z0-9_]+", None, "prctl.option prctl.arg2 prctl.arg3 prctl.arg4", "prctl(2)"),
    "ARCH": (r"ARCH_(SET|GET)_\w+|ARCH_MAP_\w+|ARCH_(REQ|GET)_\w+|ARCH_SHSTK_\w+", None, "arch_prctl.code", "arch_prctl(2)"),
    "PTRACE": (r"PTRACE_[A-Z0-9_]+", r"PTRACE_(SECCOMP_GET|EVENTMSG|SYSCALL_INFO)_.*", "ptrace.request ptrace.data",
               "requests and options of ptrace(2)"),
    "SECCOMP": (r"SECCOMP_(SET_MODE_\w+|GET_\w+|MODE_\w+|FILTER_FLAG_\w+|IOCTL_\w+|USER_NOTIF_\w+)", None,
                "seccomp.operation seccomp.flags prctl.arg2", "seccomp(2)"),
    "PER": (r"PER_[A-Z0-9_]+|ADDR_\w+|(UNAME26|FDPIC_FUNCPTRS|MMAP_PAGE_ZERO|READ_IMPLIES_EXEC|SHORT_INODE|WHOLE_SECONDS|STICKY_TIMEOUTS)",
            r"PER_CLEAR_ON_SETID|PER_EM_MASK", "personality.persona", "execution domains"),
    "SIG": (r"SIG[A-Z0-9]+", r"SIGEV\w*|SIGRTMAX|SIGSTKSZ", "kill.sig tkill.sig tgkill.sig rt_sigaction.signum pidfd_send_signal.sig "
            "rt_sigqueueinfo.sig rt_tgsigqueueinfo.sig signal.signum sigaction.signum clone.flags prctl.arg2", "signals"),
    "SIG_HOW": (r"SIG_(BLOCK|UNBLOCK|SETMASK)", None, "rt_sigprocmask.how sigprocmask.how", "changes of the signal mask"),
    "W": (r"W(NOHANG|UNTRACED|STOPPED|EXITED|CONTINUED|NOWAIT)|__W(NOTHREAD|ALL|CLONE)", None,
          "wait4.options waitid.options waitpid.options", "options of wait(2)"),
    "P_ID": (r"P_(ALL|PID|PGID|PIDFD)", None, "waitid.idtype", "whom waitid(2) waits for"),
    "PIDFD": (r"PIDFD_[A-Z0-9_]+", None, "pidfd_open.flags pidfd_send_signal.flags ioctl.request", "process descriptors"),
    "KCMP": (r"KCMP_[A-Z_]+", r"KCMP_TYPES", "kcmp.type", "what kcmp(2) compares"),
    "SCHED": (r"SCHED_(NORMAL|OTHER|FIFO|RR|BATCH|IDLE|DEADLINE|EXT|ISO|RESET_ON_FORK|FLAG_\w+)", None,
              "sched_setscheduler.policy sched_get_priority_max.policy sched_get_priority_min.policy", "scheduling policies"),
    "PRIO": (r"PRIO_(PROCESS|PGRP|USER)", None, "setpriority.which getpriority.which", "whose priority"),
    "IOPRIO": (r"IOPRIO_(CLASS|WHO)_\w+", r"IOPRIO_CLASS_(SHIFT|MASK)", "ioprio_set.which ioprio_get.which", "I/O priorities"),
    "RLIMIT": (r"RLIMIT_\w+", None, "setrlimit.resource getrlimit.resource ugetrlimit.resource prlimit64.resource",
               "resource limits"),
    "RUSAGE": (r"RUSAGE_\w+", r"RUSAGE_BOTH", "getrusage.who", "whose usage"),
    "CLOCK": (r"CLOCK_[A-Z_]+", r"CLOCK_(TXFROMRX|TXINT|EXT|INT|DEFAULT)", "clock_*.clockid clock_*.clk_id timer_create.clockid "
              "timerfd_create.clockid futex_wait.clockid futex_waitv.clockid", "clocks"),
    "TIMER": (r"TIMER_ABSTIME", None, "clock_nanosleep.flags timer_settime.flags timer_settime64.flags", "absolute times"),
    "ITIMER": (r"ITIMER_\w+", None, "setitimer.which getitimer.which", "interval timers"),
    "TFD": (r"TFD_(CLOEXEC|NONBLOCK|TIMER_\w+)", None, "timerfd_create.flags timerfd_settime.flags timerfd_settime64.flags",
            "timer descriptors"),
    "EFD": (r"EFD_(CLOEXEC|NONBLOCK|SEMAPHORE)", None, "eventfd2.flags", "event descriptors"),
    "SFD": (r"SFD_(CLOEXEC|NONBLOCK)", None, "signalfd4.flags", "signal descriptors"),
    "EPOLL": (r"EPOLL_(CLOEXEC|CTL_ADD|CTL_DEL|CTL_MOD)", None, "epoll_create1.flags epoll_ctl.op", "epoll(7)"),
    "IN": (r"IN_(ACCESS|MODIFY|ATTRIB|CLOSE\w*|OPEN|MOVE\w*|CREATE|DELETE\w*|UNMOUNT|Q_OVERFLOW|IGNORED|ONLYDIR|DONT_FOLLOW|EXCL_UNLINK|"
           r"MASK_\w+|ISDIR|ONESHOT|ALL_EVENTS|CLOEXEC|NONBLOCK)", None, "inotify_add_watch.mask inotify_init1.flags", "inotify(7)"),
    "FAN": (r"FAN_[A-Z0-9_]+", r"FAN_(EVENT_(METADATA|INFO)\w*|ALLOW|DENY|AUDIT|INFO|NOFD|NOPIDFD|EPIDFD|RESPONSE\w*|ERRNO\w*)",
            "fanotify_init.flags fanotify_mark.flags fanotify_mark.mask", "fanotify(7)"),
    "UFFD": (r"UFFD_USER_MODE_ONLY|UFFDIO_[A-Z]+", None, "userfaultfd.flags ioctl.request", "userfaultfd(2)"),
    "MS": (r"MS_[A-Z_0-9]+", r"MS_RMT_MASK", "mount.flags", "flags of mount(2)"),
    "MNT": (r"MNT_(FORCE|DETACH|EXPIRE)|UMOUNT_NOFOLLOW", None, "umount2.flags", "flags of umount2(2)"),
    "MOUNT_ATTR": (r"MOUNT_ATTR_\w+", r"MOUNT_ATTR_SIZE_\w+", "fsmount.attr_flags", "attributes of mounts"),
    "MOVE_MOUNT": (r"MOVE_MOUNT_\w+", r"MOVE_MOUNT__MASK", "move_mount.flags", "flags of move_mount(2)"),
    "OPEN_TREE": (r"OPEN_TREE_\w+", None, "open_tree.flags open_tree_attr.flags", "flags of open_tree(2)"),
    "FSOPEN": (r"FS(OPEN|MOUNT|PICK)_\w+", None, "fsopen.flags fsmount.flags fspick.flags", "flags of the mount calls"),
    "FSCONFIG": (r"FSCONFIG_\w+", None, "fsconfig.cmd", "commands of fsconfig(2)"),
    "SWAP": (r"SWAP_FLAG_(PREFER|DISCARD\w*)", None, "swapon.swapflags", "flags of swapon(2)"),
    "KEYCTL": (r"KEYCTL_[A-Z0-9_]+", r"KEYCTL_SUPPORTS_\w+|KEYCTL_CAPS\d_\w+", "keyctl.operation", "operations of keyctl(2)"),
    "KEY": (r"KEY_(SPEC|REQKEY_DEFL)_\w+", None, "keyctl.arg2 keyctl.arg3 add_key.keyring request_key.dest_keyring", "keyrings"),
    "BPF": (r"BPF_(MAP_(CREATE|LOOKUP\w*|UPDATE\w*|DELETE\w*|GET\w*|FREEZE)|PROG_(LOAD|ATTACH|DETACH|TEST_RUN|RUN|GET\w*|QUERY|BIND_MAP)|"
            r"OBJ_\w+|RAW_TRACEPOINT_OPEN|BTF_(LOAD|GET\w*)|TASK_FD_QUERY|LINK_(CREATE|UPDATE|GET\w*|DETACH)|ENABLE_STATS|ITER_CREATE|"
            r"TOKEN_CREATE)", None, "bpf.cmd", "commands of bpf(2)"),
    "PERF_FLAG": (r"PERF_FLAG_\w+", None, "perf_event_open.flags", "flags of perf_event_open(2)"),
    "IORING": (r"IORING_(SETUP|ENTER|REGISTER|UNREGISTER)_[A-Z0-9_]+", None, "io_uring_enter.flags io_uring_register.opcode", "io_uring"),
    "GRND": (r"GRND_\w+", None, "getrandom.flags", "flags of getrandom(2)"),
    "IPC": (r"IPC_(CREAT|EXCL|NOWAIT|RMID|SET|STAT|INFO|64)", None, "msgctl.cmd semctl.cmd shmctl.cmd msgget.msgflg semget.semflg shmget.shmflg msgsnd.msgflg msgrcv.msgflg", "System V IPC"),
    "SHM": (r"SHM_(RDONLY|RND|REMAP|EXEC|LOCK|UNLOCK|STAT|INFO|STAT_ANY|HUGETLB|NORESERVE|HUGE_\w+|R|W)", r"SHM_HUGE_(SHIFT|MASK)",
            "shmget.shmflg shmat.shmflg shmctl.cmd", "System V shared memory"),
    "SEM": (r"SEM_(UNDO|STAT|INFO|STAT_ANY)|(GETPID|GETVAL|GETALL|GETNCNT|GETZCNT|SETVAL|SETALL)", None, "semctl.cmd", "semaphores"),
    "Q": (r"Q_(SYNC|QUOTAON|QUOTAOFF|GETFMT|GETINFO|SETINFO|GETQUOTA|SETQUOTA|GETNEXTQUOTA|X\w+)|(USR|GRP|PRJ)QUOTA", None,
          "quotactl.cmd quotactl_fd.cmd", "quotas, as QCMD() takes them"),
    "REBOOT": (r"LINUX_REBOOT_\w+", None, "reboot.magic reboot.magic2 reboot.cmd", "reboot(2)"),
    "KEXEC": (r"KEXEC_[A-Z_]+", r"KEXEC_(ARCH_\w+|SEGMENT_MAX)", "kexec_load.flags kexec_file_load.flags", "kexec(2)"),
    "MODULE": (r"MODULE_INIT_\w+", None, "finit_module.flags", "flags of finit_module(2)"),
    "LANDLOCK": (r"LANDLOCK_(CREATE_RULESET_\w+|RESTRICT_SELF_\w+|RULE_\w+)", None,
                 "landlock_create_ruleset.flags landlock_restrict_self.flags landlock_add_rule.rule_type", "Landlock"),
    "RSEQ": (r"RSEQ_FLAG_\w+", None, "rseq.flags", "flags of rseq(2)"),
    "IOCTL": (r"TIO[A-Z0-9_]+|TC[A-Z0-9]+|FIO[A-Z]+|SIO[A-Z0-9_]+|FS_IOC_\w+|FI(BMAP|GETBSZ|FREEZE|THAW|TRIM|CLONE\w*|DEDUPERANGE)|BLK[A-Z0-9]+|"
              r"TUN(SET|GET|ATTACH|DETACH)\w+|LOOP_\w+|NS_GET_\w+|RND\w+|KD[A-Z]+|VT_[A-Z]+|GIO_\w+|PIO_\w+|KVM_(GET_API_VERSION|CREATE_VM|RUN|"
              r"CHECK_EXTENSION)|SG_IO|EVIOC\w+|USBDEVFS_\w+|HIDIOC\w+|PERF_EVENT_IOC_\w+",
              r"TIOCPKT_\w+|TIOCSER_TEMT|TIOCM_\w+|TC(OON|OOFF|ION|IOFF|IFLUSH|OFLUSH|IOFLUSH)|LOOP_(CLR_FD_OLD|SET_\w+_FLAGS|CONFIGURE_\w+)|"
              r"USBDEVFS_(CAP|URB|CLAIM|DISCONNECT_CLAIM|CONTROL32|BULK32|SUBMITURB32|REAPURB\w*32|DISCSIGNAL32|IOCTL32)_?\w*|TCP_\w+|TC_\w+|SIOCDEVPRIVATE"
              r"|SIOCPROTOPRIVATE|TCA\w*|KD_\w*", "ioctl.request", "requests of ioctl(2)"),
}
# Sums and counts that grow with the kernel: a policy that is compiled against them would change its meaning.
GROWING = re.compile(r"RWF_SUPPORTED|FAN_ALL_\w+|PTRACE_O_MASK|SCHED_FLAG_ALL|MPOL_(MAX|MODE_FLAGS|MF_VALID)|IORING_REGISTER_LAST|"
                     r"FUTEX_WAITV_MAX|PR_SCHED_CORE_MAX|O_TMPFILE_MASK|USBDEVFS_MAXDRIVERNAME|STATX_ALL|\w+_VALID_MASK")
HEADERS = """asm/errno asm/fcntl asm/ioctls asm/mman asm/signal asm/socket asm/sockios asm/stat asm/prctl asm/ptrace asm/termbits asm/termios
linux/aio_abi linux/bpf linux/capability linux/close_range linux/eventpoll linux/falloc linux/fadvise linux/fanotify linux/fcntl linux/fs
linux/futex linux/if_tun linux/in linux/in6 linux/inotify linux/io_uring linux/ioprio linux/ipc linux/kcmp linux/kd linux/kexec linux/keyctl
linux/kvm linux/landlock linux/loop linux/membarrier linux/memfd linux/mempolicy linux/mman linux/mount linux/module linux/msg linux/netlink
linux/nsfs linux/openat2 linux/perf_event linux/personality linux/pidfd linux/prctl linux/ptrace linux/quota linux/dqblk_xfs linux/random
linux/reboot linux/resource linux/rseq linux/sched linux/seccomp linux/sem linux/shm linux/sockios linux/stat linux/tcp linux/time
linux/timerfd linux/udp linux/userfaultfd linux/vt linux/wait linux/xattr linux/input linux/usbdevice_fs linux/hidraw""".split()
OPTIONAL = {"asm/prctl", "linux/pidfd", "linux/mount"}
LIBRARY = ["sys/socket.h", "fcntl.h", "unistd.h", "sys/eventfd.h", "sys/signalfd.h", "scsi/sg.h"]

# Since Linux 6.1, and names without a header of their own. Values of include/uapi of Linux 6.18, equal everywhere.
NEWER = {
    # linux/fcntl.h, linux/memfd.h, linux/mman.h
    "AT_HANDLE_FID": 0x200, "AT_HANDLE_MNT_ID_UNIQUE": 1, "AT_HANDLE_CONNECTABLE": 2, "AT_EXECVE_CHECK": 0x10000,
    "F_DUPFD_QUERY": 1027, "F_CREATED_QUERY": 1028, "F_SEAL_EXEC": 0x20, "MFD_NOEXEC_SEAL": 8, "MFD_EXEC": 16,
    "MAP_DROPPABLE": 8, "MADV_GUARD_INSTALL": 102, "MADV_GUARD_REMOVE": 103, "MADV_COLLAPSE": 25,
    # linux/prctl.h
    "PR_SET_MDWE": 65, "PR_GET_MDWE": 66, "PR_MDWE_REFUSE_EXEC_GAIN": 1, "PR_MDWE_NO_INHERIT": 2,
    "PR_SET_MEMORY_MERGE": 67, "PR_GET_MEMORY_MERGE": 68, "PR_RISCV_V_SET_CONTROL": 69, "PR_RISCV_V_GET_CONTROL": 70,
    "PR_RISCV_SET_ICACHE_FLUSH_CTX": 71, "PR_PPC_GET_DEXCR": 72, "PR_PPC_SET_DEXCR": 73,
    "PR_GET_SHADOW_STACK_STATUS": 74, "PR_SET_SHADOW_STACK_STATUS": 75, "PR_LOCK_SHADOW_STACK_STATUS": 76,
    "PR_TIMER_CREATE_RESTORE_IDS": 77, "PR_FUTEX_HASH": 78, "PR_GET_AUXV": 0x41555856,
    # linux/mount.h, linux/nsfs.h, linux/sched.h, linux/pidfd.h
    "MOVE_MOUNT_BENEATH": 0x200, "STATX_MNT_ID_UNIQUE": 0x4000, "STATX_SUBVOL": 0x8000, "STATX_WRITE_ATOMIC": 0x10000,
    "STATX_DIO_READ_ALIGN": 0x20000, "PIDFD_THREAD": 0o200, "PIDFD_SIGNAL_THREAD": 1, "PIDFD_SIGNAL_THREAD_GROUP": 2,
    "PIDFD_SIGNAL_PROCESS_GROUP": 4, "SCHED_EXT": 7, "FSCONFIG_CMD_CREATE_EXCL": 8,
    # linux/fs.h
    "RWF_NOAPPEND": 0x20, "RWF_ATOMIC": 0x40, "RWF_DONTCACHE": 0x80, "RWF_NOSIGNAL": 0x100,
    # linux/futex.h
    "FUTEX2_SIZE_U8": 0, "FUTEX2_SIZE_U16": 1, "FUTEX2_SIZE_U32": 2, "FUTEX2_SIZE_U64": 3, "FUTEX2_NUMA": 4, "FUTEX2_MPOL": 8,
    "FUTEX2_PRIVATE": 128,
    # linux/bpf.h, linux/landlock.h, linux/seccomp.h, linux/in.h
    "BPF_TOKEN_CREATE": 36, "LANDLOCK_CREATE_RULESET_ERRATA": 2, "LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF": 1,
    "LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON": 2, "LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF": 4, "LANDLOCK_RULE_NET_PORT": 2,
    "IPPROTO_SMC": 256, "AF_MCTP": 45, "SO_PASSPIDFD": 76, "SO_PEERPIDFD": 77, "SO_PASSRIGHTS": 83,
    # include/linux/socket.h, net.h
    "SOCK_TYPE_MASK": 15,
    "SOL_MPTCP": 284, "SOL_TLS": 282, "SOL_ALG": 279, "SOL_VSOCK": 287, "SOL_SMC": 286, "SOL_XDP": 283,
}
# x86 only: arch/x86/include/uapi/asm/prctl.h
NEWER_ON = {
    ("ARCH_GET_XCOMP_SUPP", 0x1021): "X86_64 I386", ("ARCH_SHSTK_ENABLE", 0x5001): "X86_64",
    ("ARCH_SHSTK_DISABLE", 0x5002): "X86_64", ("ARCH_SHSTK_LOCK", 0x5003): "X86_64",
    ("ARCH_SHSTK_UNLOCK", 0x5004): "X86_64", ("ARCH_SHSTK_STATUS", 0x5005): "X86_64",
}


def clang(arguments, text):
    command = ["clang", "-x", "c", "-w", "-fno-color-diagnostics", "-ferror-limit=0", *arguments, "-"]
    return subprocess.run(command, input=text.encode(), capture_output=True, check=False)


def family_of(name):
    if GROWING.fullmatch(name):
        return None
    for family, (pattern, never, _, _) in FAMILIES.items():
        if re.fullmatch(pattern, name):
            if never is None or not re.fullmatch(never, name):
                return family
    return None


def candidates(arguments, prologue):
    macros = clang([*arguments, "-E", "-dM"], prologue).stdout.decode()
    text = clang([*arguments, "-E", "-P"], prologue).stdout.decode()
    names = set(re.findall(r"^#define ([A-Z_][A-Za-z0-9_]*) \S", macros, re.M))
    for body in re.findall(r"\benum\b[^{};]*\{([^}]*)\}", text):
        names |= set(re.findall(r"\b([A-Z][A-Z0-9_]*)\b", body))
    return sorted(n for n in names if family_of(n))


def values(arguments, prologue):
    """Name to value, for every candidate that is an integer constant."""
    names = candidates(arguments, prologue)
    while True:
        lines = "".join(f"const unsigned long long value_of_{n} = (unsigned long long)({n});\n" for n in names)
        result = clang([*arguments, "-O0", "-S", "-o", "-"], prologue + lines)
        if result.returncode == 0:
            break
        first = prologue.count("\n")
        bad = {int(m) - first - 1 for m in re.findall(r"^<stdin>:(\d+):\d+: error", result.stderr.decode(), re.M)}
        bad = {b for b in bad if b >= 0}
        if not bad:
            sys.exit(result.stderr.decode())
        names = [n for i, n in enumerate(names) if i not in bad]
    table = {}
    words, big = {}, "s390x" in " ".join(arguments)
    current = None
    for line in result.stdout.decode().splitlines():
        label = re.match(r"value_of_(\w+):", line)
        if label:
            current = label.group(1)
            words[current] = []
            continue
        data = re.match(r"\s+\.(quad|xword|8byte|dword|long|4byte|word|zero)\s+(-?\w+)", line)
        if data and current:
            number = int(data.group(2), 0)
            if data.group(1) == "zero":
                words[current] = [0, 0]
            elif data.group(1) in ("long", "4byte", "word"):
                words[current].append(number & 0xFFFFFFFF)
            else:
                words[current] = [number & 0xFFFFFFFF, (number >> 32) & 0xFFFFFFFF]
        elif line.strip().startswith(".size"):
            current = None
    for name, halves in words.items():
        low, high = (halves if not big or len(halves) != 2 else halves)
        value = (high << 32) | low
        signed = value - (1 << 64) if value >> 63 else value
        # an int with bit 31 set, such as 1 << 31, is a flag; -100 is a number
        table[name] = value & 0xFFFFFFFF if -(1 << 31) <= signed < -4096 else value
    return table


def prologue_of(arguments):
    text = "#include <stddef.h>\n#include <stdint.h>\n#include <linux/types.h>\n#include <linux/posix_types.h>\n"
    for header in HEADERS:
        probe = f"#include <linux/types.h>\n#if __has_include(<{header}.h>)\nint yes;\n#endif\n"
        if b"yes" in clang([*arguments, "-E"], probe).stdout:
            text += f"#include <{header}.h>\n"
        elif header not in OPTIONAL and not header.startswith("asm/"):
            print(f"no <{header}.h>: {arguments}", file=sys.stderr)
    return text


def collect(root):
    tables = []
    for name, target, directory in ARCHES:
        where = os.path.join(root, directory)
        arguments = [f"--target={target}", "-nostdlibinc", "-isystem", where, "-isystem", STUBS.name]
        if not os.path.isdir(where):
            sys.exit(f"no headers for {name}: {where}")
        tables.append(values(arguments, prologue_of(arguments)))
    library = values([], "#define _GNU_SOURCE 1\n" + "".join(f"#include <{h}>\n" for h in LIBRARY))
    for name, value in library.items():
        if not any(name in t for t in tables):
            for table in tables:
                table[name] = value
    for name, value in NEWER.items():
        for (arch, _, _), table in zip(ARCHES, tables):
            if table.setdefault(name, value) != value:
                sys.exit(f"{name}: {table[name]:#x} in the headers of {arch}, {value:#x} here")
    for (name, value), on in NEWER_ON.items():
        for (arch, _, _), table in zip(ARCHES, tables):
            if arch in on.split() and table.setdefault(name, value) != value:
                sys.exit(f"{name}: {table[name]:#x} in the headers of {arch}, {value:#x} here")
    return tables


def written(value):
    if value is None:
        return "ABSENT"
    if value >> 63:
        return str(value - (1 << 64))
    return f"{value:#x}" if value > 255 else str(value)


def main():
    tables = collect(sys.argv[1])
    names = sorted(set().union(*tables))
    print("""/*
 * Symbolic constants. Written by schema/gen_constants.py, which says where the values come from.
 * FAMILY(ID, "call.argument …", "meaning")    where its names make sense; "*" stands for any text
 * CONSTANT(name, FAMILY, value)               on every architecture
 * CONSTANT_ON(name, FAMILY, x86_64, aarch64, i386, arm, riscv64, s390x, ppc64le)    ABSENT: not there
 */
#ifndef FAMILY
#define FAMILY(id, arguments, meaning)
#endif
#ifndef CONSTANT
#define CONSTANT(name, family, value)
#endif
#ifndef CONSTANT_ON
#define CONSTANT_ON(name, family, x86_64, aarch64, i386, arm, riscv64, s390x, ppc64le)
#endif
""")
    for family, (_, _, where, meaning) in FAMILIES.items():
        print(f'FAMILY({family}, "{where}", "{meaning}")')
    print()
    for name in names:
        row = [t.get(name) for t in tables]
        if len(set(row)) == 1:
            print(f'CONSTANT("{name}", {family_of(name)}, {written(row[0])})')
        else:
            print(f'CONSTANT_ON("{name}", {family_of(name)}, {", ".join(map(written, row))})')
    print("\n#undef FAMILY\n#undef CONSTANT\n#undef CONSTANT_ON")


main()
