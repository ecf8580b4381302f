#!/bin/sh
# soak_broker.sh BUILD CALLS: that many brokered calls in one run; descriptors, threads and memory of the broker before and
# after. Root only: the broker is not dumpable. Exit 1 when any of them has grown.
set -eu
build=$(cd "$1" && pwd)
dir=$(mktemp -d /tmp/llc-soak.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" -eq 0 ] || {
	echo "soak_broker.sh: only root can look at the broker" >&2
	exit 2
}
cp "$build/tests/brokered" "$dir/brokered"
mkdir "$dir/scratch" "$dir/export"
echo readable >"$dir/readable"
cat >"$dir/p.toml" <<END
version = 1
[fs]
rox = ["$dir/brokered"]
[broker]
allow_read = ["$dir/readable"]
scratch = ["$dir/scratch"]
export = ["$dir/export"]
END
"$build/llc-policy" compile -q "$dir/p.toml" -o "$dir/p.llb"
mkfifo "$dir/in" "$dir/out"
"$build/llrun" "$dir/p.llb" -- "$dir/brokered" soak "$2" "$dir/readable" "$dir/scratch" "$dir/export" <"$dir/in" >"$dir/out" &
run=$!
exec 3>"$dir/in" 4<"$dir/out"

# the broker is the command's parent, which the command says
sample() { # sample PID
	echo "$(ls "/proc/$1/fd" | wc -l) $(ls "/proc/$1/task" | wc -l) $(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status")"
}

read -r broker <&4
before=$(sample "$broker")
echo go >&3
read -r broker <&4
after=$(sample "$broker")
echo go >&3
wait "$run"
# shellcheck disable=SC2086
set -- "$2" $before $after
echo "| $1 brokered calls: descriptors, threads, KiB of memory before and after | no more | $2 $3 $4, $5 $6 $7 |"
[ "$5" -le "$2" ] && [ "$7" -le $(($4 + 1024)) ]
