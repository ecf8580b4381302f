#!/bin/sh
# Lines that are neither blank nor comment: of every file linked into llrun (the core, at most 1,000; the rest, at most
# 700), of llrund, of the headers they share, and how long functions are.
# Usage: mk/metrics.sh LLRUN CORE-FILES MORE-FILES LLRUND-FILES   (the program; words)
set -eu
program=$1 core=$2 more=$3 llrund=$4

code() { # code FILE...: without comments and blank lines (no string of these files holds a comment's beginning)
	awk '{
		line = $0
		while (1) {
			if (inside) {
				if (!match(line, /\*\//)) { line = ""; break }
				line = substr(line, RSTART + 2); inside = 0
			}
			if (!match(line, /\/\*/)) break
			head = substr(line, 1, RSTART - 1); tail = substr(line, RSTART + 2)
			if (match(tail, /\*\//)) line = head substr(tail, RSTART + 2)
			else { if (head ~ /[^ \t]/) print head; line = ""; inside = 1 }
		}
		if (line ~ /[^ \t]/) print line
	}' "$@"
}

count() { # count FILE...: a line for each; their sum in $total
	total=0
	for file in "$@"; do
		lines=$(code "$file" | wc -l)
		total=$((total + lines))
		printf '%6d  %s\n' "$lines" "$file"
	done
}
# shellcheck disable=SC2086
{
	count $core
	core=$total
	printf '%6d  core: linked into llrun (at most 1000)\n' "$core"
	count $more
	more=$total
	printf '%6d  reports, mounts, client: also linked into llrun (at most 700)\n' "$more"
	count $llrund
	printf '%6d  llrund, which has the core and the reports, too\n' "$total"
}
printf '%6d  in the headers of runtime/: declarations, system calls, string functions\n' "$(code runtime/*.h | wc -l)"
printf '%6d  bytes of %s (at most 49152)\n' "$(wc -c <"$program")" "$program"
for part in 'runtime runtime/llrund' 'compiler compiler/front compiler/back compiler/tools'; do
	files=
	for dir in $part; do files="$files $(find "$dir" -maxdepth 1 -name '*.c' | sort)"; done
	# shellcheck disable=SC2086
	for file in $files; do code "$file"; done | awk '
		/^[a-zA-Z_].*[)]$/ || /^[a-zA-Z_].*[(,][^;]*$/ { if (!open) start = NR }
		/^{/ { open = 1; if (start < NR - 6) start = NR - 1 }
		/^}/ { if (open && $0 == "}") print NR - start + 1; open = 0 }' | sort -n |
		awk -v part="$part" '
		function at(q) { i = int(q * NR + 0.999); return n[i < 1 ? 1 : i] }
		{ n[NR] = $1; if ($1 > 60) long++ }
		END { if (NR) printf "functions in %s: %d, median %d, p95 %d, longest %d, %d beyond 60 lines\n",
			part, NR, at(0.5), at(0.95), n[NR], long }'
done
[ "$core" -le 1000 ] && [ "$more" -le 700 ] && [ "$(wc -c <"$program")" -le 49152 ]
