#!/bin/sh
# broker.sh BUILD ROUNDS LOOPS: the rows of `make bench` about brokered calls; pinned by its caller.
set -eu
build=$(cd "$1" && pwd)
dir=$(mktemp -d /tmp/llc-bench-broker.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cp "$build/bench/broker_calls" "$dir/calls"
head='version = 1
[fs]
rox = ["/usr", "/lib", "/lib64", "'$dir'/calls"]
ro = ["/etc/ld.so.cache", "/proc"'
printf '%s]\n[broker]\nallow_read = ["%s/readable"]\nallow_write = ["%s/writable"]\n' "$head" "$dir" "$dir" >"$dir/files.toml"
printf '%s]\n[broker]\nscratch = ["%s/scratch"]\nexport = ["%s/export"]\n' "$head" "$dir" "$dir" >"$dir/trees.toml"
printf 'version = 1\n[fs]\nunrestricted = ["execute", "read_file", "read_dir"]\n[broker]\nscratch = ["%s/scratch"]\nexport = ["%s/export"]\n' \
	"$dir" "$dir" >"$dir/writes.toml"
printf '%s, "%s/readable"]\nrw = ["%s"]\n' "$head" "$dir" "$dir" >"$dir/landlock.toml"
mkdir "$dir/scratch" "$dir/export"
: >"$dir/readable"
: >"$dir/writable"
for policy in files trees writes landlock; do
	"$build/llc-policy" compile -q "$dir/$policy.toml" -o "$dir/$policy.llb"
done
"$dir/calls" "$build/llrun" "$dir/files.llb" "$dir/landlock.llb" "$dir" "$2" "$3" steps read undeclared write
"$dir/calls" "$build/llrun" "$dir/trees.llb" "$dir/landlock.llb" "$dir" "$2" "$3" undeclared create rename publish
"$dir/calls" "$build/llrun" "$dir/writes.llb" "$dir/landlock.llb" "$dir" "$2" "$3" left
