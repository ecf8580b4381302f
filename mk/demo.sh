#!/bin/sh
# make demo: compile policies/ci-default.toml and run real commands under the blob; what is denied is shown with why.
set -u
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
demo=$(mktemp -d) || exit 1
trap 'rm -rf "$demo"' EXIT
blob=$demo/ci-default.llb
failures=0

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# the command as it would be typed
shown() {
	printf '  $ llrun ci-default.llb --'
	for word; do
		case $word in
		*[!A-Za-z0-9_./=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
}
# allowed WHAT COMMAND...: must succeed
allowed() {
	what=$1
	shift
	shown "$@"
	if out=$("$B/llrun" "$blob" -- "$@" 2>&1); then
		printf '    allowed: %s\n' "$what"
		[ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/    | /' | head -4
	else
		printf '    UNEXPECTED, exit %s: %s\n' "$?" "$out"
		failures=$((failures + 1))
	fi
}
# denied WHY COMMAND...: must fail under the policy, by exit status and not by a signal
denied() {
	why=$1
	shift
	shown "$@"
	out=$("$B/llrun" "$blob" -- "$@" 2>&1)
	status=$?
	if [ $status -gt 0 ] && [ $status -lt 124 ]; then
		printf '    denied: %s\n' "$why"
		printf '%s\n' "$out" | grep -i -m1 'denied\|permitted' | sed 's/^/    | /'
	else
		printf '    UNEXPECTED, exit %s: %s\n' "$status" "$out"
		failures=$((failures + 1))
	fi
}
line() { grep -n "$1" policies/ci-default.toml | head -1 | cut -d: -f1; }

step "1. Check and compile the policy, once, ahead of time"
printf '  $ llc-policy compile policies/ci-default.toml\n'
"$B/llc-policy" compile policies/ci-default.toml -o "$blob" 2>/dev/null | sed "s|$demo/||; s/^/    | /"
[ -s "$blob" ] || exit 1

step "2. Run real commands under it"
mkdir "$demo/work" "$demo/other" && cd "$demo/work" || exit 1
printf 'int puts(const char *);\nint main(void) { puts("built and run inside the sandbox"); return 0; }\n' >hello.c
echo secret >"$demo/other/file"
export TMPDIR="$demo/work"
here=$OLDPWD
at() { (cd "$here" && line "$1"); }
allowed "the system is readable (policies/ci-default.toml:$(at '"/usr"'))" ls -d /usr/bin/env
allowed "the working directory is writable (policies/ci-default.toml:$(at 'rwx = '))" sh -c 'echo x >made && cat made'
if command -v cc >/dev/null; then
	allowed "a compiler works" cc -o hello hello.c
	allowed "and what it made may run" ./hello
fi

step "3. What the policy does not grant is denied by the kernel"
denied "no rule covers $demo/other: Landlock, EACCES" cat "$demo/other/file"
denied "only the working directory and \$TMPDIR are writable: Landlock, EACCES" sh -c "echo x >/usr/made"
denied "connect_tcp = [] closes inet sockets (policies/ci-default.toml:$(at 'connect_tcp'))" \
	/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)'
denied "[seccomp] denies mount(2), EPERM (policies/ci-default.toml:$(at '"mount"'))" mount -t tmpfs none /mnt
printf '  $ cat %s/other/file\n    without the sandbox: ' "$demo"
cat "$demo/other/file"

step "4. What holds on which kernel"
printf '  $ llc-policy dump ci-default.llb\n'
"$B/llc-policy" dump "$blob" | sed -n '/^coverage:/,/^$/p' | sed 's/^/    | /'
if [ "$failures" -gt 0 ]; then
	printf '\n%s of these did not go as they should\n' "$failures"
	exit 1
fi
printf '\nEverything went as the policy says.\n'
