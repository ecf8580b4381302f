/* SPDX-License-Identifier: MIT */
/* The control group that a job belongs into: its client's. */
#ifndef LLRUND_CGROUP_H
#define LLRUND_CGROUP_H

/* Learn where cgroup v2 is mounted, and our own group. */
void cgroup_init(void);
/*
 * A descriptor (O_PATH) of a process's group when that is not ours; -1 when it is, or there is no cgroup v2; another
 * negative error number when it cannot be opened. `pidfd` is of that process, or something else.
 */
long cgroup_of(int pid, int pidfd);

#endif
