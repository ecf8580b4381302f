/* SPDX-License-Identifier: MIT */
/* schema/kernel_run.h against the system's headers, where those know the name. */
#include <fcntl.h>
#include <linux/memfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#include "kernel_run.h"
#include "tap.h"

#define SAME(ours, theirs)                                                                                           \
	tap_ok((unsigned long long)(K_##ours) == (unsigned long long)(theirs), "K_" #ours " is the "                 \
									       "system's " #theirs)

/* The names that this system has; a preprocessor cannot ask for what is an enumerator, so those stand without. */
static void values(void)
{
#ifdef CLONE_VM
	SAME(CLONE_VM, CLONE_VM);
#endif
#ifdef CLONE_FS
	SAME(CLONE_FS, CLONE_FS);
#endif
#ifdef CLONE_FILES
	SAME(CLONE_FILES, CLONE_FILES);
#endif
#ifdef CLONE_SIGHAND
	SAME(CLONE_SIGHAND, CLONE_SIGHAND);
#endif
#ifdef CLONE_PIDFD
	SAME(CLONE_PIDFD, CLONE_PIDFD);
#endif
#ifdef CLONE_THREAD
	SAME(CLONE_THREAD, CLONE_THREAD);
#endif
#ifdef CLONE_CHILD_CLEARTID
	SAME(CLONE_CHILD_CLEARTID, CLONE_CHILD_CLEARTID);
#endif
#ifdef CLONE_INTO_CGROUP
	SAME(CLONE_INTO_CGROUP, CLONE_INTO_CGROUP);
#endif
#ifdef P_ALL
	SAME(P_ALL, P_ALL);
#endif
#ifdef P_PID
	SAME(P_PID, P_PID);
#endif
#ifdef WNOHANG
	SAME(WNOHANG, WNOHANG);
#endif
#ifdef WSTOPPED
	SAME(WSTOPPED, WSTOPPED);
#endif
#ifdef WEXITED
	SAME(WEXITED, WEXITED);
#endif
#ifdef WCONTINUED
	SAME(WCONTINUED, WCONTINUED);
#endif
#ifdef WNOWAIT
	SAME(WNOWAIT, WNOWAIT);
#endif
#ifdef __WALL
	SAME(WALL, __WALL);
#endif
#ifdef CLD_EXITED
	SAME(CLD_EXITED, CLD_EXITED);
#endif
#ifdef CLD_KILLED
	SAME(CLD_KILLED, CLD_KILLED);
#endif
#ifdef CLD_DUMPED
	SAME(CLD_DUMPED, CLD_DUMPED);
#endif
#ifdef CLD_TRAPPED
	SAME(CLD_TRAPPED, CLD_TRAPPED);
#endif
#ifdef CLD_STOPPED
	SAME(CLD_STOPPED, CLD_STOPPED);
#endif
#ifdef CLD_CONTINUED
	SAME(CLD_CONTINUED, CLD_CONTINUED);
#endif
#ifdef PR_SET_PDEATHSIG
	SAME(PR_SET_PDEATHSIG, PR_SET_PDEATHSIG);
#endif
#ifdef PR_GET_DUMPABLE
	SAME(PR_GET_DUMPABLE, PR_GET_DUMPABLE);
#endif
#ifdef PR_SET_DUMPABLE
	SAME(PR_SET_DUMPABLE, PR_SET_DUMPABLE);
#endif
#ifdef PR_SET_NAME
	SAME(PR_SET_NAME, PR_SET_NAME);
#endif
#ifdef PR_SET_CHILD_SUBREAPER
	SAME(PR_SET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER);
#endif
#ifdef PR_GET_NO_NEW_PRIVS
	SAME(PR_GET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS);
#endif
#ifdef RLIM_NLIMITS
	SAME(RLIM_NLIMITS, RLIM_NLIMITS);
#endif
#ifdef RLIMIT_NOFILE
	SAME(RLIMIT_NOFILE, RLIMIT_NOFILE);
#endif
#ifdef SIGHUP
	SAME(SIGHUP, SIGHUP);
#endif
#ifdef SIGINT
	SAME(SIGINT, SIGINT);
#endif
#ifdef SIGQUIT
	SAME(SIGQUIT, SIGQUIT);
#endif
#ifdef SIGABRT
	SAME(SIGABRT, SIGABRT);
#endif
#ifdef SIGKILL
	SAME(SIGKILL, SIGKILL);
#endif
#ifdef SIGPIPE
	SAME(SIGPIPE, SIGPIPE);
#endif
#ifdef SIGALRM
	SAME(SIGALRM, SIGALRM);
#endif
#ifdef SIGTERM
	SAME(SIGTERM, SIGTERM);
#endif
#ifdef SIGCHLD
	SAME(SIGCHLD, SIGCHLD);
#endif
#ifdef SIGCONT
	SAME(SIGCONT, SIGCONT);
#endif
#ifdef SIGSTOP
	SAME(SIGSTOP, SIGSTOP);
#endif
#ifdef SIGTSTP
	SAME(SIGTSTP, SIGTSTP);
#endif
#ifdef SIGTTIN
	SAME(SIGTTIN, SIGTTIN);
#endif
#ifdef SIGTTOU
	SAME(SIGTTOU, SIGTTOU);
#endif
#ifdef SIGWINCH
	SAME(SIGWINCH, SIGWINCH);
#endif
#ifdef SIG_BLOCK
	SAME(SIG_BLOCK, SIG_BLOCK);
#endif
#ifdef SIG_UNBLOCK
	SAME(SIG_UNBLOCK, SIG_UNBLOCK);
#endif
#ifdef SIG_SETMASK
	SAME(SIG_SETMASK, SIG_SETMASK);
#endif
#ifdef SFD_CLOEXEC
	SAME(SFD_CLOEXEC, SFD_CLOEXEC);
#endif
#ifdef SFD_NONBLOCK
	SAME(SFD_NONBLOCK, SFD_NONBLOCK);
#endif
#ifdef SI_USER
	SAME(SI_USER, SI_USER);
#endif
#ifdef SI_KERNEL
	SAME(SI_KERNEL, SI_KERNEL);
#endif
#ifdef AF_UNIX
	SAME(AF_UNIX, AF_UNIX);
#endif
#ifdef SOCK_STREAM
	SAME(SOCK_STREAM, SOCK_STREAM);
#endif
#ifdef SOCK_DGRAM
	SAME(SOCK_DGRAM, SOCK_DGRAM);
#endif
#ifdef SOCK_SEQPACKET
	SAME(SOCK_SEQPACKET, SOCK_SEQPACKET);
#endif
#ifdef SOCK_NONBLOCK
	SAME(SOCK_NONBLOCK, SOCK_NONBLOCK);
#endif
#ifdef SOCK_CLOEXEC
	SAME(SOCK_CLOEXEC, SOCK_CLOEXEC);
#endif
#ifdef SOL_SOCKET
	SAME(SOL_SOCKET, SOL_SOCKET);
#endif
#ifdef SCM_RIGHTS
	SAME(SCM_RIGHTS, SCM_RIGHTS);
#endif
#ifdef SO_TYPE
	SAME(SO_TYPE, SO_TYPE);
#endif
#ifdef SO_PEERCRED
	SAME(SO_PEERCRED, SO_PEERCRED);
#endif
#ifdef SO_ACCEPTCONN
	SAME(SO_ACCEPTCONN, SO_ACCEPTCONN);
#endif
#ifdef SO_DOMAIN
	SAME(SO_DOMAIN, SO_DOMAIN);
#endif
#ifdef MSG_PEEK
	SAME(MSG_PEEK, MSG_PEEK);
#endif
#ifdef SHUT_RDWR
	SAME(SHUT_RDWR, SHUT_RDWR);
#endif
#ifdef MSG_CTRUNC
	SAME(MSG_CTRUNC, MSG_CTRUNC);
#endif
#ifdef MSG_TRUNC
	SAME(MSG_TRUNC, MSG_TRUNC);
#endif
#ifdef MSG_DONTWAIT
	SAME(MSG_DONTWAIT, MSG_DONTWAIT);
#endif
#ifdef MSG_NOSIGNAL
	SAME(MSG_NOSIGNAL, MSG_NOSIGNAL);
#endif
#ifdef MSG_CMSG_CLOEXEC
	SAME(MSG_CMSG_CLOEXEC, MSG_CMSG_CLOEXEC);
#endif
#ifdef AF_NETLINK
	SAME(AF_NETLINK, AF_NETLINK);
#endif
#ifdef SOCK_RAW
	SAME(SOCK_RAW, SOCK_RAW);
#endif
#ifdef SO_RCVBUF
	SAME(SO_RCVBUF, SO_RCVBUF);
#endif
#ifdef NETLINK_AUDIT
	SAME(NETLINK_AUDIT, NETLINK_AUDIT);
#endif
#ifdef NLMSG_ERROR
	SAME(NLMSG_ERROR, NLMSG_ERROR);
#endif
#ifdef NLM_F_REQUEST
	SAME(NLM_F_REQUEST, NLM_F_REQUEST);
#endif
#ifdef AUDIT_GET
	SAME(AUDIT_GET, AUDIT_GET);
#endif
#ifdef AUDIT_SYSCALL
	SAME(AUDIT_SYSCALL, AUDIT_SYSCALL);
#endif
#ifdef AUDIT_EOE
	SAME(AUDIT_EOE, AUDIT_EOE);
#endif
#ifdef AUDIT_LANDLOCK_ACCESS
	SAME(AUDIT_LANDLOCK_ACCESS, AUDIT_LANDLOCK_ACCESS);
#endif
#ifdef AUDIT_LANDLOCK_DOMAIN
	SAME(AUDIT_LANDLOCK_DOMAIN, AUDIT_LANDLOCK_DOMAIN);
#endif
#ifdef AUDIT_GROUP_READLOG
	SAME(AUDIT_GROUP_READLOG, AUDIT_GROUP_READLOG);
#endif
#ifdef POLLIN
	SAME(POLLIN, POLLIN);
#endif
#ifdef POLLPRI
	SAME(POLLPRI, POLLPRI);
#endif
#ifdef POLLOUT
	SAME(POLLOUT, POLLOUT);
#endif
#ifdef POLLERR
	SAME(POLLERR, POLLERR);
#endif
#ifdef POLLHUP
	SAME(POLLHUP, POLLHUP);
#endif
#ifdef POLLRDHUP
	SAME(POLLRDHUP, POLLRDHUP);
#endif
#ifdef CLOCK_REALTIME
	SAME(CLOCK_REALTIME, CLOCK_REALTIME);
#endif
#ifdef CLOCK_MONOTONIC
	SAME(CLOCK_MONOTONIC, CLOCK_MONOTONIC);
#endif
#ifdef TFD_CLOEXEC
	SAME(TFD_CLOEXEC, TFD_CLOEXEC);
#endif
#ifdef TFD_NONBLOCK
	SAME(TFD_NONBLOCK, TFD_NONBLOCK);
#endif
#ifdef EPOLL_CLOEXEC
	SAME(EPOLL_CLOEXEC, EPOLL_CLOEXEC);
#endif
#ifdef EPOLL_CTL_ADD
	SAME(EPOLL_CTL_ADD, EPOLL_CTL_ADD);
#endif
#ifdef EPOLL_CTL_DEL
	SAME(EPOLL_CTL_DEL, EPOLL_CTL_DEL);
#endif
#ifdef IN_CLOEXEC
	SAME(IN_CLOEXEC, IN_CLOEXEC);
#endif
#ifdef IN_NONBLOCK
	SAME(IN_NONBLOCK, IN_NONBLOCK);
#endif
#ifdef IN_ATTRIB
	SAME(IN_ATTRIB, IN_ATTRIB);
#endif
#ifdef IN_MOVED_FROM
	SAME(IN_MOVED_FROM, IN_MOVED_FROM);
#endif
#ifdef IN_MOVED_TO
	SAME(IN_MOVED_TO, IN_MOVED_TO);
#endif
#ifdef IN_CREATE
	SAME(IN_CREATE, IN_CREATE);
#endif
#ifdef IN_DELETE
	SAME(IN_DELETE, IN_DELETE);
#endif
#ifdef IN_DELETE_SELF
	SAME(IN_DELETE_SELF, IN_DELETE_SELF);
#endif
#ifdef IN_MOVE_SELF
	SAME(IN_MOVE_SELF, IN_MOVE_SELF);
#endif
#ifdef IN_UNMOUNT
	SAME(IN_UNMOUNT, IN_UNMOUNT);
#endif
#ifdef IN_Q_OVERFLOW
	SAME(IN_Q_OVERFLOW, IN_Q_OVERFLOW);
#endif
#ifdef IN_IGNORED
	SAME(IN_IGNORED, IN_IGNORED);
#endif
#ifdef IN_ONLYDIR
	SAME(IN_ONLYDIR, IN_ONLYDIR);
#endif
#ifdef FUTEX_WAIT
	SAME(FUTEX_WAIT, FUTEX_WAIT);
#endif
#ifdef FUTEX_WAKE
	SAME(FUTEX_WAKE, FUTEX_WAKE);
#endif
#ifdef FUTEX_WAITERS
	SAME(FUTEX_WAITERS, FUTEX_WAITERS);
#endif
#ifdef FUTEX_TID_MASK
	SAME(FUTEX_TID_MASK, FUTEX_TID_MASK);
#endif
#ifdef O_WRONLY
	SAME(O_WRONLY, O_WRONLY);
#endif
#ifdef O_RDWR
	SAME(O_RDWR, O_RDWR);
#endif
#ifdef O_CREAT
	SAME(O_CREAT, O_CREAT);
#endif
#ifdef O_EXCL
	SAME(O_EXCL, O_EXCL);
#endif
#ifdef AT_SYMLINK_NOFOLLOW
	SAME(AT_SYMLINK_NOFOLLOW, AT_SYMLINK_NOFOLLOW);
#endif
#ifdef AT_REMOVEDIR
	SAME(AT_REMOVEDIR, AT_REMOVEDIR);
#endif
#ifdef AT_STATX_DONT_SYNC
	SAME(AT_STATX_DONT_SYNC, AT_STATX_DONT_SYNC);
#endif
#ifdef STATX_ATTR_NODUMP
	SAME(STATX_ATTR_NODUMP, STATX_ATTR_NODUMP);
#endif
#ifdef STATX_MNT_ID
	SAME(STATX_MNT_ID, STATX_MNT_ID);
#endif
#ifdef O_APPEND
	SAME(O_APPEND, O_APPEND);
#endif
#ifdef S_IFSOCK
	SAME(S_IFSOCK, S_IFSOCK);
#endif
#ifdef S_IFCHR
	SAME(S_IFCHR, S_IFCHR);
#endif
#ifdef S_IFIFO
	SAME(S_IFIFO, S_IFIFO);
#endif
#ifdef S_IFLNK
	SAME(S_IFLNK, S_IFLNK);
#endif
#ifdef F_GETFL
	SAME(F_GETFL, F_GETFL);
#endif
#ifdef F_SETFL
	SAME(F_SETFL, F_SETFL);
#endif
#ifdef F_ADD_SEALS
	SAME(F_ADD_SEALS, F_ADD_SEALS);
#endif
#ifdef F_SEAL_SEAL
	SAME(F_SEAL_SEAL, F_SEAL_SEAL);
#endif
#ifdef MFD_CLOEXEC
	SAME(MFD_CLOEXEC, MFD_CLOEXEC);
#endif
#ifdef MFD_ALLOW_SEALING
	SAME(MFD_ALLOW_SEALING, MFD_ALLOW_SEALING);
#endif
#ifdef LOCK_EX
	SAME(LOCK_EX, LOCK_EX);
#endif
#ifdef LOCK_UN
	SAME(LOCK_UN, LOCK_UN);
#endif
#ifdef LOCK_NB
	SAME(LOCK_NB, LOCK_NB);
#endif
#ifdef PROT_EXEC
	SAME(PROT_EXEC, PROT_EXEC);
#endif
#ifdef MAP_SHARED
	SAME(MAP_SHARED, MAP_SHARED);
#endif
#ifdef MAP_NORESERVE
	SAME(MAP_NORESERVE, MAP_NORESERVE);
#endif
#ifdef TCGETS
	SAME(TCGETS, TCGETS);
#endif
#ifdef TCSETS
	SAME(TCSETS, TCSETS);
#endif
#ifdef TCSETSW
	SAME(TCSETSW, TCSETSW);
#endif
#ifdef TIOCSCTTY
	SAME(TIOCSCTTY, TIOCSCTTY);
#endif
#ifdef TIOCOUTQ
	SAME(TIOCOUTQ, TIOCOUTQ);
#endif
#ifdef TIOCGPGRP
	SAME(TIOCGPGRP, TIOCGPGRP);
#endif
#ifdef TIOCSPGRP
	SAME(TIOCSPGRP, TIOCSPGRP);
#endif
#ifdef TIOCGWINSZ
	SAME(TIOCGWINSZ, TIOCGWINSZ);
#endif
#ifdef TIOCSWINSZ
	SAME(TIOCSWINSZ, TIOCSWINSZ);
#endif
#ifdef TIOCNOTTY
	SAME(TIOCNOTTY, TIOCNOTTY);
#endif
#ifdef TIOCGPTPEER
	SAME(TIOCGPTPEER, TIOCGPTPEER);
#endif
#ifdef TIOCSPTLCK
	SAME(TIOCSPTLCK, TIOCSPTLCK);
#endif
#ifdef IGNBRK
	SAME(IGNBRK, IGNBRK);
#endif
#ifdef BRKINT
	SAME(BRKINT, BRKINT);
#endif
#ifdef PARMRK
	SAME(PARMRK, PARMRK);
#endif
#ifdef ISTRIP
	SAME(ISTRIP, ISTRIP);
#endif
#ifdef INLCR
	SAME(INLCR, INLCR);
#endif
#ifdef IGNCR
	SAME(IGNCR, IGNCR);
#endif
#ifdef ICRNL
	SAME(ICRNL, ICRNL);
#endif
#ifdef IXON
	SAME(IXON, IXON);
#endif
#ifdef OPOST
	SAME(OPOST, OPOST);
#endif
#ifdef ISIG
	SAME(ISIG, ISIG);
#endif
#ifdef ICANON
	SAME(ICANON, ICANON);
#endif
#ifdef ECHO
	SAME(ECHO, ECHO);
#endif
#ifdef ECHONL
	SAME(ECHONL, ECHONL);
#endif
#ifdef IEXTEN
	SAME(IEXTEN, IEXTEN);
#endif
#ifdef VTIME
	SAME(VTIME, VTIME);
#endif
#ifdef VMIN
	SAME(VMIN, VMIN);
#endif
	SAME(P_ALL, P_ALL);
	SAME(P_PID, P_PID);
	SAME(CLD_STOPPED, CLD_STOPPED);
	SAME(SOCK_SEQPACKET, SOCK_SEQPACKET);
	SAME(MSG_NOSIGNAL, MSG_NOSIGNAL);
	SAME(EPOLL_CLOEXEC, EPOLL_CLOEXEC);
}

static void layouts(void)
{
	tap_ok(sizeof(struct k_sockaddr_un) == sizeof(struct sockaddr_un), "struct sockaddr_un");
	tap_ok(sizeof(struct k_msghdr) == sizeof(struct msghdr) &&
		       offsetof(struct k_msghdr, control) == offsetof(struct msghdr, msg_control) &&
		       offsetof(struct k_msghdr, flags) == offsetof(struct msghdr, msg_flags),
	       "struct msghdr");
	tap_ok(sizeof(struct k_cmsghdr) == sizeof(struct cmsghdr) && sizeof(struct k_ucred) == sizeof(struct ucred),
	       "struct cmsghdr, struct ucred");
	tap_ok(sizeof(struct k_epoll_event) == sizeof(struct epoll_event) &&
		       offsetof(struct k_epoll_event, data) == offsetof(struct epoll_event, data),
	       "struct epoll_event");
	tap_ok(sizeof(struct k_signalfd_siginfo) == sizeof(struct signalfd_siginfo) &&
		       offsetof(struct k_signalfd_siginfo, pid) == offsetof(struct signalfd_siginfo, ssi_pid) &&
		       offsetof(struct k_signalfd_siginfo, code) == offsetof(struct signalfd_siginfo, ssi_code),
	       "struct signalfd_siginfo");
	tap_ok(sizeof(struct k_siginfo) == sizeof(siginfo_t) &&
		       offsetof(struct k_siginfo, pid) == offsetof(siginfo_t, si_pid) &&
		       offsetof(struct k_siginfo, status) == offsetof(siginfo_t, si_status),
	       "siginfo_t of waitid(2)");
	tap_ok(sizeof(struct k_inotify_event) == sizeof(struct inotify_event), "struct inotify_event");
	tap_ok(sizeof(struct k_winsize) == sizeof(struct winsize), "struct winsize");
	tap_ok(sizeof(struct k_itimerspec) == sizeof(struct itimerspec), "struct itimerspec");
	tap_ok(sizeof(struct k_pollfd) == sizeof(struct pollfd), "struct pollfd");
}

int main(void)
{
	values();
	layouts();
	return tap_done();
}
