#!/bin/sh
# soak.sh BUILD RUNS: runs through a daemon, one at a time and 64 at once, under a small policy and a large (warm) one.
set -eu
build=$(cd "$1" && pwd)
runs=$2
tmp=$(mktemp -d /tmp/llc-soak.XXXXXX)
main=
trap '[ -z "$main" ] || kill "$main" 2>/dev/null; rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
cp "$build/bench/true" "$tmp/true"
"$build/llc-policy" compile -q "$(dirname "$0")/policies/P.toml" -o "$tmp/P.llb"
"$build/llc-policy" compile -q "$build/bench/P512.toml" -o "$tmp/P512.llb"
"$build/llrund" serve --socket "$tmp/s" &
main=$!
n=0
until [ -S "$tmp/s" ]; do
	n=$((n + 1))
	[ "$n" -lt 200 ] || exit 1
	sleep 0.05
done
status=0
for clients in 1 64; do
	for policy in P P512; do
		echo
		echo "$policy:"
		"$build/bench/soak" "$((runs / 4))" "$clients" "$main" "$build/llrun" --socket "$tmp/s" "$tmp/$policy.llb" -- "$tmp/true" ||
			status=1
	done
done
echo
"$build/llrund" status --socket "$tmp/s"
exit $status
