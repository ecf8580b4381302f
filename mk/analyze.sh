#!/bin/sh
# analyze.sh FLAGS FILE...: static analysis; any finding is exit 1. clang-tidy where it is installed, else gcc -fanalyzer;
# cppcheck besides where it is installed.
set -eu
flags=$1
shift
jobs=$(nproc 2>/dev/null || echo 1)
status=0
found=

if command -v clang-tidy >/dev/null; then
	found=1
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c '
		out=$(clang-tidy --quiet "$1" -- $2 2>/dev/null) && [ -z "$out" ] && exit 0
		printf "%s\n" "$out"
		exit 1' _ {} "$flags" || status=1
else
	case $("${CC:-cc}" --version) in
	*clang*) ;;
	*)
		found=1
		for file in "$@"; do
			# shellcheck disable=SC2086
			"${CC:-cc}" $flags -O1 -fanalyzer -Werror -c -o /dev/null "$file" || status=1
		done
		;;
	esac
fi
if command -v cppcheck >/dev/null; then
	found=1
	includes=
	for flag in $flags; do
		case $flag in -I*) includes="$includes $flag" ;; esac
	done
	# shellcheck disable=SC2086
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability -j "$jobs" $includes \
		--suppressions-list=mk/cppcheck.suppress "$@" || status=1
fi
if [ -z "$found" ]; then
	echo "analyze: none of clang-tidy, gcc -fanalyzer, cppcheck is installed: make deps" >&2
	exit 1
fi
exit $status
