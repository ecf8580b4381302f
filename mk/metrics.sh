#!/bin/sh
# Lines that are neither blank nor comment: of every file linked into llrun (the core, at most 1,000), of the headers
# they share, and how long functions are. Usage: mk/metrics.sh LLRUN FILE...   (the program; its sources)
set -eu
program=$1
shift

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

total=0
for file in "$@"; do
	lines=$(code "$file" | wc -l)
	total=$((total + lines))
	printf '%6d  %s\n' "$lines" "$file"
done
printf '%6d  core: linked into llrun (at most 1000)\n' "$total"
printf '%6d  in the headers of runtime/: declarations, system calls, string functions\n' "$(code runtime/*.h | wc -l)"
printf '%6d  bytes of %s (at most 32768)\n' "$(wc -c <"$program")" "$program"
for part in runtime 'compiler compiler/front compiler/back compiler/tools'; do
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
[ "$total" -le 1000 ] && [ "$(wc -c <"$program")" -le 32768 ]
