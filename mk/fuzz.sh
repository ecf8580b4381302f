#!/bin/sh
# fuzz.sh SECONDS: run every fuzzer of $B/fuzz/tests that long, one after the other. Seeds: the policies of this tree, the
# TOML conformance suite where it is, and blobs. What a fuzzer finds new stays in $B/fuzz/corpus, inputs that crash in
# $B/fuzz/crashes; any of these, a leak or a slow input ends in exit 1. 0 seconds: what is there, and nothing new.
set -eu
B=${B:-build}
seeds=$B/fuzz/seeds
rm -rf "$seeds"
mkdir -p "$seeds/toml" "$seeds/blob" "$seeds/bpf" "$seeds/elfdeps" "$seeds/cond" "$seeds/oci" "$seeds/lock" "$seeds/proto" "$seeds/broker" "$B/fuzz/crashes"
n=0
for f in $(find policies tests bench ../shared/toml-test -type f -name '*.toml' -size -64k 2>/dev/null); do
	n=$((n + 1))
	cp "$f" "$seeds/toml/$n.toml"
	case $f in
	policies/* | tests/* | bench/*)
		"$B/llc-policy" compile -q "$f" -o "$seeds/blob/$n.llb" 2>/dev/null || :
		"$B/llc-policy" compile -q --strip --arch x86_64 "$f" -o "$seeds/blob/$n-stripped.llb" 2>/dev/null || :
		;;
	esac
done
# a small program, scripts, and the beginning of a cache (the closures of larger ones are slow to walk)
echo 'int main(void) { return 0; }' | cc -x c - -s -Wl,-rpath,'$ORIGIN/a:/$LIB' -o "$seeds/elfdeps/program"
printf '#!/usr/bin/env -S -i A=b sh -x\n' >"$seeds/elfdeps/script"
head -c 4096 /etc/ld.so.cache >"$seeds/elfdeps/cache" 2>/dev/null || :
# the words of the policy language, which random bytes would take long to find
sed -n 's/^KEY([A-Z_]*, \("[^"]*"\).*/\1/p; s/^TABLE([A-Z_]*, \("[a-z_]*"\).*/\1/p; s/^WORD([A-Z_]*, \("[^"]*"\).*/\1/p
	s/^COMPANION([A-Z_]*, \([a-z_]*\),.*/"\1"/p' \
	schema/keys.def schema/vocab.def schema/companions.def | sort -u | sed '/^""$/d' >"$B/fuzz/words"
n=0
grep -rhE "^[[:space:]]*when = " tests docs policies | sed -E "s/^[[:space:]]*when = ['\"]+//; s/['\"]+\$//" | while read -r line; do
	n=$((n + 1))
	printf '%s' "$line" >"$seeds/cond/$n"
done
# documents of other tools: the first byte says which (tests/fuzz/oci_fuzz.c)
n=0
while IFS='|' read -r format words document; do
	n=$((n + 1))
	case $format in
	oci) first= ;;
	minijail) first=m ;;
	kafel) first=k ;;
	landlockd) first=d ;;
	*) first=l ;;
	esac
	printf '%s%b' "$first" "$document" >"$seeds/oci/$n"
done <tests/import/reject.cases
{ printf m && cat tests/import/golden.policy; } >"$seeds/oci/minijail"
{ printf k && cat tests/import/golden.kafel; } >"$seeds/oci/kafel"
sed 's/ => .*//; s/ + .*//; s/^/l/' tests/import/landlockconfig.cases | split -l 1 - "$seeds/oci/landlock-"
cp ../shared/oci/*.json "$seeds/oci/" 2>/dev/null || :
cp tests/checks/lock/*.lock "$seeds/lock/"
# a packet of the daemon's protocol with its payload, as nothing but its size
head -c 480 /dev/zero >"$seeds/proto/zero"
printf '%s' "/scratch/a/../new" >"$seeds/broker/path"
limit=-max_total_time=$1
[ "$1" != 0 ] || limit=-runs=0
status=0
for fuzzer in "$B"/fuzz/tests/*_fuzz; do
	name=$(basename "$fuzzer" _fuzz)
	kind=toml
	case $name in blob | bpf | elfdeps | cond | oci | lock | proto | broker) kind=$name ;; why) kind=blob ;; esac
	mkdir -p "$B/fuzz/corpus/$name"
	echo "== $name: $(ls "$seeds/$kind" | wc -l) seeds, $1 seconds"
	dict=
	[ "$kind" != toml ] || dict=-dict=$B/fuzz/words
	if "$fuzzer" $limit -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -verbosity=1 \
		$dict -artifact_prefix="$B/fuzz/crashes/$name-" "$B/fuzz/corpus/$name" "$seeds/$kind" >"$B/fuzz/$name.log" 2>&1; then
		grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$B/fuzz/$name.log"
	else
		status=1
		grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|RELOAD|pulse)' "$B/fuzz/$name.log" | tail -60
		echo "== $name FAILED: $B/fuzz/$name.log"
	fi
done
[ $status = 0 ] && echo "no fuzzer found anything"
exit $status
