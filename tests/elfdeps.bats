#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The closure of real programs: what the loader itself reports (ld.so --list), and what a program needs to start under
# llrun. Rules one by one, in made-up trees, are in tests/unit/elfdeps_test.c.

load lib/common

setup() {
	CLOSURE=$B/tests/closure
	T=$BATS_TEST_TMPDIR
	cd "$T" || exit 1
	export LC_ALL=C
}

# closure STATUS ARGS...: output in `out`; that exit status, and no other
closure() {
	local want=$1
	shift
	status=0
	timeout 20 "$CLOSURE" "$@" >out 2>err || status=$?
	[ "$status" -eq "$want" ] || { echo "closure $*: exit status $status, not $want"; cat out err; return 1; }
}

interpreter() {
	readelf -lW "$1" 2>/dev/null | sed -n 's/.*Requesting program interpreter: \(.*\)]/\1/p'
}

# Libraries of a program as its loader lists them, real paths, without the loader and the kernel's vdso.
listed() { # listed PROGRAM
	local loader
	loader=$(interpreter "$1")
	# --list gives up at the first that is missing; what ldd(1) uses goes on
	{ "$loader" --list "$1" 2>/dev/null || LD_TRACE_LOADED_OBJECTS=1 "$loader" "$1" 2>&1; } | awk -v loader="$loader" '
		$2 == "=>" && $3 == "not" { print "missing " $1; next }
		$2 == "=>" { print $3; next }
		/^\t\// { print $1 }' | while read -r path rest; do
		case $path in missing) echo "missing $rest" ;; *) realpath "$path" ;; esac
	done | grep -vx "$(realpath "$loader")" | sort -u
}

hasnt() {
	! grep "$@"
}

# The same from the closure; PATTERN: which variants, '-' for what all processors load
found() {
	awk -F '\t' -v which="${1:--}" '
		$1 == "library" || $1 == "preload" { if (which == "all" || $6 == "-") print $3 }
		$1 == "missing" { print "missing " $2 }' out | sort -u
}

# as_loader STATUS PROGRAM: closure and loader agree
as_loader() {
	closure "$1" "${@:2}"
	listed "${@: -1}" >want
	# a variant for this processor takes the place of what others load
	if grep -q '^library.*	[^-][^	]*$' out; then
		found all >got
		[ -z "$(comm -23 want got)" ]
	else
		found >got
		diff want got
	fi
}

# lib NAME [gcc arguments...]: NAME.so; main NAME: a program
lib() {
	echo "int ${1//[^a-z]/_}_f(void) { return 0; }" | gcc -x c -shared -fPIC -Wl,-soname,"$(basename "$1").so" -o "$1.so" - -x none \
		-Wl,--no-as-needed,--allow-shlib-undefined "${@:2}"
}
main() {
	echo 'int main(void) { return 0; }' | gcc -x c -o "$1" - -x none -Wl,--no-as-needed,--allow-shlib-undefined "${@:2}"
}

@test "200 installed programs: the loader's own answer" {
	find /usr/bin /usr/sbin -type f -perm -100 | sort | while read -r program; do
		[ -z "$(interpreter "$program")" ] || echo "$program"
	done >all
	count=$(wc -l <all)
	[ "$count" -ge 20 ]
	step=$(((count + 199) / 200 > count / 200 && count >= 200 ? count / 200 : 1))
	awk -v step="$step" 'NR % step == 0' all | head -200 >sample
	[ "$count" -lt 200 ] || [ "$(wc -l <sample)" -eq 200 ]
	while read -r program; do
		status=0
		"$CLOSURE" "$program" >out || status=$?
		[ "$status" -le 1 ]
		as_loader "$status" "$program" || { echo "$program"; return 1; }
		# the program and its loader may be executed, what they load only read
		[ "$(awk -F '\t' '$2 == "rx" { print $3 }' out)" = "$program
$(realpath "$(interpreter "$program")")" ]
	done <sample
	echo "# $(wc -l <sample) of $count programs" >&3
}

@test "RPATH is inherited, RUNPATH is not, and both as the loader has it" {
	mkdir r u
	lib r/b
	lib r/a -Lr -l:b.so
	main rpath -Lr -l:a.so -Wl,--disable-new-dtags,-rpath,"$T/r"
	as_loader 0 "$T/rpath"
	grep "	$T/r/b.so	" out
	main runpath -Lr -l:a.so -Wl,--enable-new-dtags,-rpath,"$T/r"
	as_loader 1 "$T/runpath"
	grep "^missing	b.so	$T/r/a.so	" out
	# a library with RUNPATH is not served by the program's RPATH
	lib r/c -Lr -l:b.so -Wl,--enable-new-dtags,-rpath,"$T/u"
	main mixed -Lr -l:c.so -Wl,--disable-new-dtags,-rpath,"$T/r"
	as_loader 1 "$T/mixed"
	grep "^missing	b.so	$T/r/c.so	" out
	# what is loaded already has the name
	main loaded -Lr -l:b.so -l:c.so -Wl,--disable-new-dtags,-rpath,"$T/r"
	as_loader 0 "$T/loaded"
}

@test "tokens: \$ORIGIN, \${ORIGIN}, \$LIB, \$PLATFORM; links" {
	mkdir -p app/bin app/lib other "opt/lib/$(gcc -print-multiarch)" opt/lib64 opt/lib
	lib app/lib/a
	main app/bin/p -Lapp/lib -l:a.so -Wl,-rpath,'$ORIGIN/../lib'
	as_loader 0 "$T/app/bin/p"
	grep "	$T/app/lib/a.so	" out
	main app/bin/q -Lapp/lib -l:a.so -Wl,-rpath,'/none:${ORIGIN}/../lib'
	as_loader 0 "$T/app/bin/q"
	main app/bin/no -Lapp/lib -l:a.so -Wl,-rpath,'$ORIGINS/../lib'
	as_loader 1 "$T/app/bin/no"
	# the kernel follows the link before the loader asks where it is
	ln -s ../app/bin/p other/link
	closure 0 "$T/other/link"
	grep "^program	rx	$T/app/bin/p	$T/other/link	" out
	grep "	$T/app/lib/a.so	" out
	for dir in opt/lib*/ opt/lib/*/; do cp app/lib/a.so "$dir"; done
	main lib -Lapp/lib -l:a.so -Wl,-rpath,"$T/opt/\$LIB"
	as_loader 0 "$T/lib"
	mkdir -p "plat/$(uname -m)"
	cp app/lib/a.so "plat/$(uname -m)"
	main platform -Lapp/lib -l:a.so -Wl,-rpath,"$T/plat/\$PLATFORM"
	closure 0 "$T/platform"
	grep "^library	r	$T/plat/$(uname -m)/a.so	" out
}

@test "LD_LIBRARY_PATH, hwcaps, absolute names, other architectures" {
	mkdir -p e u x/glibc-hwcaps/x86-64-v2 x/glibc-hwcaps/x86-64-v9 foreign
	lib e/a
	lib u/a
	main p -Lu -l:a.so -Wl,--enable-new-dtags,-rpath,"$T/u"
	as_loader 0 "$T/p"
	grep "	$T/u/a.so	" out
	LD_LIBRARY_PATH=$T/e as_loader 0 --library-path "$T/e" "$T/p"
	grep "	$T/e/a.so	" out
	LD_LIBRARY_PATH=$T/none:\$ORIGIN/e as_loader 0 --library-path "$T/none:\$ORIGIN/e" "$T/p"
	for dir in x x/glibc-hwcaps/*; do cp u/a.so "$dir"; done
	main h -Lu -l:a.so -Wl,-rpath,"$T/x"
	as_loader 0 "$T/h"
	for dir in x x/glibc-hwcaps/x86-64-v2 x/glibc-hwcaps/x86-64-v9; do grep "	$T/$dir/a.so	" out; done
	lib "$T/u/abs" -Wl,-soname,"$T/u/abs.so"
	main abs "$T/u/abs.so"
	as_loader 0 "$T/abs"
	# a library of another machine in the way is passed by
	printf '.text\n' | ${ARM64_CC:-aarch64-linux-gnu-gcc} -x assembler -shared -nostdlib -o foreign/a.so -
	if [ "$(uname -m)" = aarch64 ]; then printf '\076' | dd of=foreign/a.so bs=1 seek=18 conv=notrunc status=none; fi
	main f -Lu -l:a.so -Wl,-rpath,"$T/foreign:$T/u"
	as_loader 0 "$T/f"
	grep "	$T/u/a.so	" out
	closure 126 "$T/foreign/a.so"
	grep 'another architecture' out
	# -z nodefaultlib: the loader dies, we say what of
	main nodef -Wl,-z,nodefaultlib
	closure 1 "$T/nodef"
	grep '^missing	libc.so.6	' out
}

@test "musl: dynamic, RUNPATH inherited, static; glibc static and static-pie" {
	mkdir m
	echo 'int b(void) { return 0; }' | musl-gcc -x c -shared -fPIC -o m/b.so -
	echo 'int b(void); int a(void) { return b(); }' | musl-gcc -x c -shared -fPIC -o m/a.so - -x none m/b.so -Wl,-soname,a.so
	echo 'int a(void); int main(void) { return a(); }' | musl-gcc -x c -o p - -x none -Lm -l:a.so -Wl,-rpath,'$ORIGIN/m' \
		-Wl,--allow-shlib-undefined
	"./p"
	closure 0 "$T/p"
	listed "$T/p" >want
	found >got
	diff want got
	grep "^library	r	$T/m/b.so	" out
	[ "$(grep -c '^loader	rx	' out)" -eq 1 ]
	hasnt ld.so.cache out
	echo 'int main(void) { return 0; }' >s.c
	for how in "musl-gcc -static" "gcc -static" "gcc -static-pie"; do
		$how -o static s.c
		./static
		closure 0 "$T/static"
		[ "$(cat out)" = "program	rx	$T/static	$T/static	-	-" ]
	done
}

@test "a script brings its whole chain" {
	printf '#!%s -e\nexit 0\n' "$(command -v bash)" >direct
	printf '#!/usr/bin/env bash\nexit 0\n' >env
	printf '#!/usr/bin/env -S -u X bash -e\nexit 0\n' >split
	printf '#!%s/direct\n' "$T" >second
	chmod +x direct env split second
	bash=$(realpath "$(command -v bash)")
	for script in direct env split second; do
		"./$script"
		closure 0 "$T/$script"
		grep "^program	rx	$T/$script	" out
		grep "^interpreter	rx	$bash	" out
		found >got
		listed "$bash" | comm -23 - got >left
		[ ! -s left ]
	done
	grep "^interpreter	rx	$T/direct	" out
}

# starts NAME: the closure in `out`, all of it and nothing else, lets the program start
starts() {
	{
		printf 'version = 1\n[fs]\nrox = ['
		awk -F '\t' '$2 == "rx" { printf "\"%s\", ", $3 }' "$1"
		printf ']\nro = ['
		awk -F '\t' '$2 == "r" { printf "\"%s\", ", $3 }' "$1"
		printf ']\n'
	} >policy.toml
	"$LLC" compile -q -o policy.llb policy.toml
	"$LLRUN" --quiet policy.llb -- "${@:2}" </dev/null >started 2>&1
}

@test "under llrun the closure is enough, and every part of it is needed" {
	"$LLC" doctor --json >host.json || true
	[ "$(jq .landlock_abi host.json)" -ge 1 ] || skip "no Landlock here"
	mkdir m
	printf '#!/usr/bin/env bash\nexit 0\n' >script
	chmod +x script
	echo 'int a(void) { return 0; }' | musl-gcc -x c -shared -fPIC -Wl,-soname,a.so -o m/a.so -
	echo 'int a(void); int main(void) { return a(); }' | musl-gcc -x c -o musl - -x none -Lm -l:a.so -Wl,-rpath,"$T/m"
	lib g
	main glibc "$T/g.so" -Wl,-rpath,"$T"
	for program in "$T/glibc" "$T/musl" "$T/script" "$(realpath "$(command -v ls)")"; do
		closure 0 "$program"
		cp out whole
		starts whole "$program" /dev/null || [ "$program" = "$(realpath "$(command -v ls)")" ]
		hasnt -i 'error while loading\|cannot open shared\|not found' started
		awk -F '\t' '($1 != "warning" && $1 != "data" && $1 != "preload") { print NR }' whole >lines
		while read -r line; do
			sed "${line}d" whole >part
			! starts part "$program" /dev/null || { echo "$program starts without:"; sed -n "${line}p" whole; return 1; }
			grep -qi 'error\|cannot\|denied\|not found' started
		done <lines
	done
}

@test "a sysroot: links and paths mean what they mean inside it" {
	program=$(realpath "$(command -v bash)")
	closure 0 "$program"
	cut -f 1-3 out | grep -v '^warning' >host
	# all links are absolute, and would lead to the host's files outside
	mkdir -p image/usr image/var
	awk -F '\t' '$1 != "warning" { print $3, $4 }' out | while read -r path names; do
		mkdir -p "image$(dirname "$path")"
		cp -p "$path" "image$path"
		for name in $names; do
			at=image$(realpath "$(dirname "$name")")
			mkdir -p "$at"
			[ -e "$at/$(basename "$name")" ] || ln -s "$path" "$at/$(basename "$name")"
		done
	done
	for dir in bin sbin lib lib32 lib64 libx32; do
		[ -L "/$dir" ] || continue
		mkdir -p "image/usr/$dir"
		ln -s "/usr/$dir" "image/$dir"
	done
	ln -s ../../../../../../../../bin/bash image/var/up
	ln -s /proc/self/root/bin/bash image/var/out
	closure 0 --sysroot image "$program"
	cut -f 1-3 out | grep -v '^warning' >inside
	diff host inside
	closure 0 --sysroot image /var/up
	grep "^program	rx	$program	" out
	closure 0 --sysroot image --path /nowhere:/bin bash
	closure 127 --sysroot image /var/out
	# what the host has and the image has not is missing
	closure 127 --sysroot image "$(realpath "$(command -v cat)")"
	closure 0 --sysroot image "$program"
	lib=$(found | head -1)
	rm "image$lib"
	closure 1 --sysroot image "$program"
	grep "^missing	" out
}

@test "what is no program: a status and a reason, never a wait" {
	mkfifo fifo
	chmod +x fifo
	mkdir dir
	ln -s loop loop
	printf '#!%010000d\n' 0 >long
	printf 'echo\n' >text
	: >empty
	head -c 40 /bin/sh >short
	cp /bin/sh plain
	chmod +x long text empty short
	chmod -x plain
	printf '#!%s/fifo\n' "$T" >tofifo
	printf '#!/dev/zero\n' >tozero
	chmod +x tofifo tozero
	closure 126 ./fifo
	grep 'not a regular file' out
	closure 126 /dev/zero
	grep 'not a regular file' out
	closure 126 ./dir
	grep 'directory' out
	closure 126 ./loop
	grep 'Too many levels' out
	closure 126 ./long
	grep '255 bytes' out
	closure 126 ./text
	grep 'neither an ELF file' out
	closure 126 ./empty
	closure 126 ./short
	grep 'damaged\|not an ELF\|ELF file' out
	closure 126 ./plain
	grep 'not executable' out
	closure 1 ./tofifo
	grep 'not a regular file' out
	closure 1 ./tozero
	grep 'not a regular file' out
	closure 127 ./none
	grep 'not found' out
	closure 127 --path "$T" none
	grep 'PATH' out
	closure 127 ''
	# hostile, and as large as files get
	truncate -s 1T huge
	printf '\177ELF\002\001\001' | dd of=huge conv=notrunc status=none
	chmod +x huge
	closure 126 ./huge
}

@test "nothing is executed" {
	printf '#!/usr/bin/env bash\n' >script
	chmod +x script
	strace -f -e trace=execve,execveat,fork,vfork,clone,clone3 -o trace "$CLOSURE" "$T/script" ls >/dev/null
	[ "$(grep -c 'execve\|clone\|fork' trace)" -eq 1 ]
}

@test "200 libraries" {
	mkdir l
	echo 'int f;' | gcc -x c -fPIC -c -o o.o -
	for i in $(seq 1 200); do
		needs=
		# each needs two that were made before
		[ "$i" -lt 3 ] || needs="l/l$((i / 2)).so l/l$((i - 1)).so"
		# shellcheck disable=SC2086
		ld -shared --no-as-needed -soname "l$i.so" -o "l/l$i.so" o.o $needs
	done
	main big -Wl,--disable-new-dtags,-rpath,"$T/l" "l/l200.so"
	as_loader 0 "$T/big"
	[ "$(grep -c "^library	r	$T/l/" out)" -eq 200 ]
	closure 0 --time "$T/big"
	echo "# closure of 200 libraries: $(cut -f 2 out) ms" >&3
}
