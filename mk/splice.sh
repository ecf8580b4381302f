#!/bin/sh
# splice.sh GEN PAGE: the page on standard output, with what stands between its two marker lines generated anew.
set -eu
begin='.\" generated: vocabulary'
end='.\" end of generated'
grep -qxF "$begin" "$2" && grep -qxF "$end" "$2" || {
	echo "$2: no marker lines for the generated vocabulary" >&2
	exit 1
}
skip=
while IFS= read -r line; do
	[ "$line" != "$end" ] || skip=
	[ -n "$skip" ] || printf '%s\n' "$line"
	if [ "$line" = "$begin" ]; then
		"$1" vocabulary
		skip=1
	fi
done <"$2"
