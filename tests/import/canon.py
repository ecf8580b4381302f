#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The policy on standard input in the notation of landlockconfig.cases.
import re
import sys

ALL = ("execute write_file read_file read_dir remove_dir remove_file make_char make_dir make_reg make_sock make_fifo "
       "make_block make_sym refer truncate ioctl_dev").split()
out, unix = [], None
for line in sys.stdin:
    line = line.strip()
    if line.startswith(("#", "[", "version", "optional", "follow")) and not line.startswith("]") or not line:
        continue
    if line == "unix = [":
        unix = []
    elif unix is not None and line == "]":
        out.append("unix:" + " ".join(unix))
        unix = None
    elif unix is not None:
        unix.append(re.search('path = "([^"]*)"', line)[1])
    elif line.startswith("unrestricted"):
        left = re.findall('"([^"]*)"', line)
        handled = [right for right in ALL if right not in left]
        out.append("U:" + (" ".join(left) if len(left) < 4 else "-" + "-".join(handled)))
    elif line.startswith("access"):
        out.append("A:" + " ".join(re.findall('"([^"]*)"', line)))
    elif line.startswith(("allowed_access", "handled_access_net")):
        out.append("N:" + " ".join(re.findall('"([^"]*)"', line)))
    elif line.startswith("path"):
        out.append("P:" + re.search('"(.*)"', line)[1])
    else:
        out.append(line)
print(";".join(out))
