#!/bin/sh
# splice.sh GEN PAGE: the page on standard output, with what stands between its two marker lines generated anew. The
# first one says what: '.\" generated: vocabulary' in a manual page, '<!-- generated: audit -->' in Markdown.
set -eu
what=$(sed -n -e 's/^\.\\" generated: //p' -e 's/^<!-- generated: \(.*\) -->$/\1/p' "$2")
end='^\(\.\\"\|<!--\) end of generated'
[ -n "$what" ] && grep -q "$end" "$2" || {
	echo "$2: no marker lines for what is generated" >&2
	exit 1
}
sed -n '1,/generated: /p' "$2"
"$1" "$what"
sed -n "/$end/,\$p" "$2"
