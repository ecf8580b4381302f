#!/bin/sh
# more.sh N P.toml OUT.h OUT.toml: policy P with further path rules up to N, once as constants for the floor and once
# as TOML. The paths are directories of this machine four components deep; their depth is part of a rule's price.
# They may read and make FIFOs there: with rights that /usr already grants, a compiler could rightly drop them.
set -eu
n=$1 policy=$2 header=$3 toml=$4
paths=$(mktemp)
trap 'rm -f "$paths"' EXIT
find /usr/share /usr/lib /usr/include -mindepth 2 -maxdepth 2 -type d | LC_ALL=C sort |
	grep -E '^/[A-Za-z0-9/._+-]+$' | head -n "$((n - 8))" >"$paths"
[ "$(wc -l <"$paths")" = "$((n - 8))" ] || echo "more.sh: only $(wc -l <"$paths") directories for $n rules" >&2
sed 's|.*|X("&", P_READ_FILE \| P_READ_DIR \| 0x400)|' "$paths" >"$header"
awk -v paths="$paths" '
	/^\[net\]/ {
		while ((getline path <paths) > 0)
			printf "  [[fs_layer.rule]]\n  path = \"%s\"\n  allowed_access = [\"read_file\", \"read_dir\", \"make_fifo\"]\n", path
	}
	{ print }' "$policy" >"$toml"
