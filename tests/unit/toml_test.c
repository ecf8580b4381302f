/* SPDX-License-Identifier: MIT */
/*
 * The TOML reader, beyond what the conformance suite asks: positions, recovery, limits, and the cases the suite's
 * copy beside the checkout may lack. A row is a document and what must come of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "source.h"
#include "tap.h"
#include "toml.h"

struct run {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	struct toml_value *root;
};

static struct run start(const char *text, size_t len)
{
	struct run r = {.arena = arena_create()};
	uint32_t file;

	r.sources = sources_create(r.arena);
	r.diag = diag_create(r.arena, r.sources);
	file = source_from_memory(r.sources, "t.toml", text, len);
	r.root = toml_parse(r.arena, r.diag, file, text, len);
	return r;
}

static void finish(struct run *r)
{
	arena_destroy(&r->arena);
}

/* ---- the tree as text ---- */

static void show_string(FILE *out, const struct toml_string *s)
{
	putc('"', out);
	for (size_t i = 0; i < s->len; i++) {
		if ((unsigned char)s->ptr[i] < 0x20)
			fprintf(out, "<%02x>", (unsigned)(unsigned char)s->ptr[i]);
		else
			putc(s->ptr[i], out);
	}
	putc('"', out);
}

static void show(FILE *out, const struct toml_value *v)
{
	const char *separator = "";

	switch (v->type) {
	case TOML_STRING:
		show_string(out, &v->string);
		break;
	case TOML_INTEGER:
		fprintf(out, "%" PRId64, v->integer);
		break;
	case TOML_FLOAT:
		fprintf(out, "%g", v->real);
		break;
	case TOML_BOOLEAN:
		fputs(v->boolean ? "true" : "false", out);
		break;
	case TOML_OFFSET_DATETIME:
	case TOML_LOCAL_DATETIME:
	case TOML_LOCAL_DATE:
	case TOML_LOCAL_TIME:
		fputs(v->string.ptr, out);
		break;
	case TOML_ARRAY:
		putc('[', out);
		for (const struct toml_value *e = v->first; e; e = e->next, separator = ",") {
			fputs(separator, out);
			show(out, e);
		}
		putc(']', out);
		break;
	case TOML_TABLE:
		putc('{', out);
		for (const struct toml_entry *e = v->entries; e; e = e->next, separator = ",") {
			fputs(separator, out);
			show_string(out, &e->key);
			putc(':', out);
			show(out, e->value);
		}
		putc('}', out);
		break;
	}
}

static void expect_text(const char *what, const char *document, const char *got, const char *want)
{
	if (!tap_ok(!strcmp(got, want), "%s", what))
		tap_note("document: %s\ngot:  %s\nwant: %s", document, got, want);
}

struct row {
	const char *what, *document, *want;
};

static const struct row valid[] = {
	{"an empty document is an empty table", "", "{}"},
	{"a byte order mark and CRLF",
	 "\xef\xbb\xbf"
	 "a = 1\r\nb = 2\r\n",
	 "{\"a\":1,\"b\":2}"},
	{"the last line needs no line feed", "a = 1", "{\"a\":1}"},
	{"entries keep their order", "b = 1\na = 2\n", "{\"b\":1,\"a\":2}"},
	{"words that are values elsewhere are keys", "true = 1\n1979-05-27 = 2\n1.2 = 3\ninf = 4\n",
	 "{\"true\":1,\"1979-05-27\":2,\"1\":{\"2\":3},\"inf\":4}"},
	{"quoted keys, blanks around dots", "\"a b\" . 'c\\d' = 1", "{\"a b\":{\"c\\d\":1}}"},
	{"an escaped key equals its meaning", "\"\\u0061\" = 1", "{\"a\":1}"},
	{"escapes", "a = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
	 "{\"a\":\"<08><09><0a><0c><0d>\"\\\xc3\xa9\xf0\x9f\x98\x80\"}"},
	{"an escaped NUL is part of the string", "a = \"x\\u0000y\"", "{\"a\":\"x<00>y\"}"},
	{"the first line ending of a multi-line string is dropped, CRLF is LF", "a = \"\"\"\r\nx\r\ny\"\"\"",
	 "{\"a\":\"x<0a>y\"}"},
	{"a backslash at the end of a line joins", "a = \"\"\"x \\  \r\n \n\t y\"\"\"", "{\"a\":\"x y\"}"},
	{"quotes inside and at the end of multi-line strings", "a = \"\"\"\"x\"\"y\"\"\"\"\"\nb = '''''x'''''\n",
	 "{\"a\":\"\"x\"\"y\"\"\",\"b\":\"''x''\"}"},
	{"empty multi-line strings", "a = \"\"\"\"\"\"\nb = ''''''", "{\"a\":\"\",\"b\":\"\"}"},
	{"the limits of integers", "a = [9223372036854775807, -9223372036854775808, 0x7fffffffffffffff, -0, +0]",
	 "{\"a\":[9223372036854775807,-9223372036854775808,9223372036854775807,0,0]}"},
	{"bases and underscores", "a = [1_000, 0xdead_beef, 0o0_755, 0b1101_0110, 0x0]",
	 "{\"a\":[1000,3735928559,493,214,0]}"},
	{"floats", "a = [1.5, -0.0, 1e3, 6.626_070e-3, +inf, -inf, 5E+2, 0e0]",
	 "{\"a\":[1.5,-0,1000,0.00662607,inf,-inf,500,0]}"},
	{"dates and times",
	 "a = [1979-05-27t07:32:00z, 1979-05-27 00:32:00.5-07:00, 1979-05-27T07:32:00, 2000-02-29, 23:59:60]",
	 "{\"a\":[1979-05-27T07:32:00Z,1979-05-27T00:32:00.5-07:00,1979-05-27T07:32:00,2000-02-29,23:59:60]}"},
	{"a date, a blank and a comment", "a = 1979-05-27 # 07:00:00", "{\"a\":1979-05-27}"},
	{"arrays span lines, hold comments and end with a comma", "a = [ # x\n1 # y\n,\n[2,], # z\n]",
	 "{\"a\":[1,[2]]}"},
	{"an array in an inline table spans lines", "a = { b = [\n1,\n2\n], c.d = {} }",
	 "{\"a\":{\"b\":[1,2],\"c\":{\"d\":{}}}}"},
	{"a super-table after its sub-table", "[a.b]\nx = 1\n[a]\ny = 2", "{\"a\":{\"b\":{\"x\":1},\"y\":2}}"},
	{"a sub-table below a dotted key's table", "[f]\na.c = 1\n[f.a.t]\ns = 2",
	 "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":2}}}}"},
	{"arrays of tables nest in the last element", "[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\n[[a]]\n[a.c]\n",
	 "{\"a\":[{\"b\":[{\"x\":1},{}]},{\"c\":{}}]}"},
	{"blanks in headers", "[ a . \"b\" ]\n[[ c ]]", "{\"a\":{\"b\":{}},\"c\":[{}]}"},
	{"a dotted key adds to a table that a longer header implied", "[a.b.c]\n[a]\nb.x = 1",
	 "{\"a\":{\"b\":{\"c\":{},\"x\":1}}}"},
};

/* want: "line:col text" of each error, separated by "; "; the text is the beginning of the message */
static const struct row invalid[] = {
	{"errors on three lines are three errors", "a = \nb c\n[x\n",
	 "1:5 expected a value, found the end of the line; 2:3 expected '.' or '=', found 'c'; 3:3 expected '.' or "
	 "']'"},
	{"a bad value does not hide what follows it", "a = [yes, 01, \"\\q\"] b",
	 "1:6 'yes' is not a value: booleans; 1:11 '01' is not a value: a decimal; 1:16 '\\q' is not an escape; "
	 "1:21 expected the end of the line"},
	{"a line has one syntax error", "a b c d\n", "1:3 expected"},
	{"an inline table over lines is one error", "a = {\nx = 1\n}\nb = 1\n", "1:6 expected a key or '}'"},
	{"an unclosed array is one error, the next statements are read", "a = [1,\nb = 2\nc = 3\nd\n",
	 "2:1 'b' is a key: the array before it is not closed; 4:2 expected"},
	{"an error in an array of several lines is one error", "a = [\n1 2\n3\n]\nb = \n",
	 "2:3 expected ',' or ']'; 5:5 expected"},
	{"a header ends recovery", "a = {x=1,\n,\n[t]\nb = \n", "1:10 expected a key; 4:5 expected a value"},
	{"an unclosed array at the end", "a = [1,", "1:8 expected a value or ']', found the end of the file"},
	{"an unclosed string", "a = \"x\nb = 'y\nc = \"x\\",
	 "1:5 the string is not closed; 2:5 the string; 3:5 the string"},
	{"an unclosed multi-line string", "a = '''x\nb = 1\n", "1:5 the multi-line string is not closed"},
	{"text behind a value", "a = 1 # x\nb = 2 3\n", "2:7 expected the end of the line, found '3'"},
	{"a value without a key", "= 1\n", "1:1 expected a key or a table header, found '='"},
	{"a header that is cut off, a header with text", "[a\n[b] c\n[]\n[[d]\n[[e] ]\n[f]]\n",
	 "1:3 expected; 2:5 expected the end; 3:2 expected a key; 4:4 expected; 5:4 expected; 6:3 expected"},
	{"a bare key of other letters", "\xc3\xa9 = 1\na.b+c = 2\n",
	 "1:1 a bare key consists; 2:3 a bare key consists"},
	{"a multi-line string as a key", "\"\"\"a\"\"\" = 1\n", "1:1 a multi-line string cannot be a key"},
	{"a comma at the end of an inline table", "a = {x = 1,}\n", "1:12 expected a key, found '}'"},
	{"a key twice", "a = 1\nb = 1\n\"\\u0061\" = 2\n", "3:1 a is defined twice"},
	{"a table twice, the keys below the second are no errors", "[a]\nx = 1\n[a]\nx = 2\n",
	 "3:2 a is defined twice"},
	{"a table over a value, a value over a table", "a = 1\nb.c = 1\nb = 2\n[a]\n[a.x]\n",
	 "3:1 b is defined twice; 4:2 a is defined twice; 5:2 a cannot be extended"},
	{"a header of a dotted key's table", "a.b = 1\n[a]\n", "2:2 a is defined twice"},
	{"a dotted key into a header's table", "[a.b]\nx = 1\n[a]\nb.y = 2\n", "4:1 b is a complete table"},
	{"a dotted key into an array of tables", "[[a.b]]\n[a]\nb.y = 2\n", "3:1 b is not a table"},
	{"a dotted key into an inline table", "a = {}\na.b = 1\nc = {d = {}, d.e = 1}\n",
	 "2:1 a is a complete table; 3:14 d is a complete table"},
	{"a header into an inline table or array", "a = {}\nb = [{}]\n[a.x]\n[[b]]\n[b.y]\n",
	 "3:2 a cannot be extended; 4:3 b is an array written as a value; 5:2 b cannot be extended"},
	{"an array of tables over a table and the reverse", "[a]\n[[a]]\n[[b]]\n[b]\n",
	 "2:3 a is not an array of tables; 4:2 b is defined twice"},
	{"an array of tables over an implied table", "[a.b]\n[[a]]\n", "2:3 a is not an array"},
	{"a header after a dotted key used the implied table", "[a.b.c]\n[a]\nb.x = 1\n[a.b]\n",
	 "4:4 a.b is defined twice"},
	{"integers out of range",
	 "a = 9223372036854775808\nb = -9223372036854775809\nc = 0x8000000000000000\nd = 99999999999999999999999\n",
	 "1:5 '9223372036854775808' does not fit; 2:5 '-92; 3:5 '0x8; 4:5 '999"},
	{"numbers in no form", "a = [1__0, _1, 1_, +0x1, 0X1, 1., .5, 1e, 0x, 00, -01, 1.e2, 0xg, 1_.0, ++1]\n",
	 "1:6 '1__0'; 1:12 '_1'; 1:16 '1_'; 1:20 '+0x1'; 1:26 '0X1'; 1:31 '1.'; 1:35 '.5'; 1:39 '1e'; 1:43 '0x'; "
	 "1:47 '00'; "
	 "1:51 '-01'; 1:56 '1.e2'; 1:62 '0xg'; 1:67 '1_.0'; 1:73 '++1'"},
	{"a float out of range", "a = 1e400\n", "1:5 '1e400' does not fit"},
	{"dates and times that are not",
	 "a = [2001-02-29, 1900-02-29, 2000-13-01, 2000-00-01, 2000-04-31, 2000-01-00]\n"
	 "b = [24:00:00, 00:60:00, 00:00:61, 2000-01-01T00:00:00+24:00, 2000-01-01 00:00:00-00:60]\n",
	 "1:6 2001-02-29: there is no such day; 1:18 1900; 1:30 2000-13-01: there is no such month; "
	 "1:42 2000-00; "
	 "1:54 2000-04-31; 1:66 2000-01-00; 2:6 24:00; 2:16 00:60; 2:26 00:00:61; 2:36 2000; 2:63 2000"},
	{"times without seconds", "a = 07:32\nb = 1979-05-27T07:32\nc = 1979-05-27 07:32\n",
	 "1:5 '07:32'; 2:5 '1979; 3:5 '1979-05-27 07:32' is not"},
	{"escapes of other languages", "a = \"\\x41 \\e \\a \\'\"\nb = \"\"\"\n  \\ x\"\"\"\n",
	 "1:6 '\\x' is not an escape; 1:11 '\\e'; 1:14 '\\a'; 1:17 '\\''; 3:3 '\\ '"},
	{"escapes of no character", "a = \"\\ud800 \\uDFFF \\U00110000 \\u12 \\Uffffffff\"\n",
	 "1:6 '\\ud800' is not a Unicode character; 1:13 '\\uDFFF' is; 1:20 '\\U00110000' is; 1:31 '\\u12' needs "
	 "four; 1:36 '\\Uffffffff' is"},
	{"control characters everywhere", "a = \"\x01\"\n# \x7f\nb\x0c = 1\nc = '''\n\x1f'''\nd = 1\re = 2\n",
	 "1:6 a control; 2:3 a control; 3:2 a control; 5:1 a control; 6:6 a carriage return"},
	{"bytes that are not UTF-8",
	 "a = \"\xff\"\n# \xc0\xaf\nb = '\xed\xa0\x80'\nc = '\xf4\x90\x80\x80'\nd = '\xe2\x82'\ne = "
	 "\"\xf0\x80\x80\x80\"\n",
	 "1:6 a byte sequence; 2:3 a byte; 3:6 a byte; 4:6 a byte; 5:6 a byte; 6:6 a byte"},
	{"UTF-16",
	 "\xff\xfe"
	 "a",
	 "1:1 the file is UTF-16"},
	{"a byte order mark elsewhere",
	 "a = 1\n\xef\xbb\xbf"
	 "b = 2\n",
	 "2:1 a bare key consists"},
};

static void check_valid(const struct row *row)
{
	struct run r = start(row->document, strlen(row->document));
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		exit(1);
	if (r.root)
		show(out, r.root);
	else
		fputs(diag_text(r.diag), out);
	fclose(out);
	expect_text(row->what, row->document, text, row->want);
	free(text);
	finish(&r);
}

/* The messages of the text form, one "line:col text" each. Fewer or more than wanted is a failure. */
static bool same_errors(char *report, const char *want)
{
	for (char *line = strtok(report, "\n"); line; line = strtok(NULL, "\n")) {
		const char *end = strstr(want, "; ");
		size_t len = end ? (size_t)(end - want) : strlen(want);
		char *severity = strstr(line, ": error: ");

		if (strncmp(line, "t.toml:", 7) || !severity)
			continue;
		memmove(severity + 1, severity + 9, strlen(severity + 9) + 1);
		*severity = ' ';
		if (!len || strncmp(line + 7, want, len))
			return false;
		want += end ? len + 2 : len;
	}
	return !*want;
}

static void check_invalid(const struct row *row)
{
	struct run r = start(row->document, strlen(row->document));
	char *copy = arena_strdup(r.arena, diag_text(r.diag));

	if (!tap_ok(!r.root && same_errors(copy, row->want), "%s", row->what))
		tap_note("document: %s\nwant: %s\ngot:\n%s", row->document, row->want, diag_text(r.diag));
	finish(&r);
}

/* ---- positions ---- */

static bool at(const struct srcpos *pos, uint32_t line, uint32_t col, uint32_t end_line, uint32_t end_col)
{
	if (pos->line == line && pos->col == col && pos->end_line == end_line && pos->end_col == end_col)
		return true;
	tap_note("at %u:%u-%u:%u", pos->line, pos->col, pos->end_line, pos->end_col);
	return false;
}

static void check_positions(void)
{
	static const char document[] = "\xef\xbb\xbf"
				       "a.\"b\" = [ 1,\n  \"x\" ]\n\n[ t.u ]\nk = { v = '''\nq''' }\n[[w]]\n";
	struct run r = start(document, sizeof(document) - 1);
	struct toml_entry *a = toml_get(r.root, "a"), *b = toml_get(a->value, "b"), *t = toml_get(r.root, "t");
	struct toml_entry *u = toml_get(t->value, "u"), *k = toml_get(u->value, "k"), *w = toml_get(r.root, "w");
	struct toml_value *v = toml_get(k->value, "v")->value;

	tap_ok(at(&a->key_pos, 1, 1, 1, 2), "position of a dotted key's first part, behind a byte order mark");
	tap_ok(at(&b->key_pos, 1, 3, 1, 6), "position of its quoted last part");
	tap_ok(at(&b->value->pos, 1, 9, 2, 8), "position of an array over two lines");
	tap_ok(at(&b->value->first->pos, 1, 11, 1, 12), "position of its first element");
	tap_ok(at(&b->value->first->next->pos, 2, 3, 2, 6), "position of its second element");
	tap_ok(at(&u->key_pos, 4, 5, 4, 6), "position of a header's key");
	tap_ok(at(&u->value->pos, 4, 1, 4, 8), "position of a header's table is the header");
	tap_ok(at(&k->value->pos, 5, 5, 6, 7), "position of an inline table");
	tap_ok(at(&v->pos, 5, 11, 6, 5), "position of a multi-line string");
	tap_ok(at(&w->value->first->pos, 7, 1, 7, 6), "position of an array of tables' element");
	tap_ok(a->value->dotted && t->value->implicit && !u->value->implicit && k->value->inline_form &&
		       w->value->array_of_tables && !w->value->inline_form && b->value->inline_form,
	       "how tables and arrays came to be");
	tap_ok(b->value->count == 2 && r.root->count == 3 && !toml_get(r.root, "b"),
	       "counts, and a key that is not there");
	finish(&r);
}

/* ---- limits ---- */

/* before × n, middle, after × n */
static char *nested(const char *before, const char *middle, const char *after, size_t n)
{
	size_t nb = strlen(before), na = strlen(after), nm = strlen(middle);
	char *text = malloc((nb + na) * n + nm + 8), *p = text;

	if (!text)
		exit(1);
	p = stpcpy(p, "a = ");
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, before);
	p = stpcpy(p, middle);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, after);
	return text;
}

static void check_nesting(const char *what, const char *before, const char *middle, const char *after, size_t n,
			  bool fits)
{
	char *text = nested(before, middle, after, n);
	struct run r = start(text, strlen(text));
	size_t errors = diag_count(r.diag, SEVERITY_ERROR);

	if (!tap_ok(fits ? r.root != NULL : !r.root && errors == 1, "%s, %zu levels: %s", what, n,
		    fits ? "read" : "one error"))
		tap_note("%zu errors:\n%.2000s", errors, diag_text(r.diag));
	finish(&r);
	free(text);
}

static void check_limits(void)
{
	static const size_t counts[] = {TOML_MAX_DEPTH, TOML_MAX_DEPTH + 1, 10000};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		bool fits = counts[i] == TOML_MAX_DEPTH;

		check_nesting("arrays", "[", "", "]", counts[i], fits);
		check_nesting("arrays, a line each", "[\n", "", "\n]", counts[i], fits);
		check_nesting("inline tables", "{a=", "{}", "}", counts[i] - 1, fits);
		check_nesting("unclosed arrays", "[", "", "", counts[i], false);
	}
	check_nesting("arrays of inline tables", "[{a=", "1", "}]", TOML_MAX_DEPTH / 2 + 1, false);
	check_nesting("inline tables with dotted keys", "{a.a.a.a=", "1", "}", TOML_MAX_DEPTH / 4 - 1, true);
	check_nesting("inline tables with dotted keys", "{a.a.a.a=", "1", "}", TOML_MAX_DEPTH / 4 + 1, false);
}

static void check_dotted(size_t parts, const char *open, const char *close, bool fits)
{
	char *text = malloc(2 * parts + 16), *p = stpcpy(text, open);
	struct run r;

	for (size_t i = 0; i < parts; i++)
		p = stpcpy(p, i ? ".k" : "k");
	stpcpy(p, close);
	r = start(text, strlen(text));
	tap_ok(fits ? r.root != NULL : !r.root && diag_count(r.diag, SEVERITY_ERROR) == 1, "%s%zu parts%s: %s", open,
	       parts, close, fits ? "read" : "one error");
	finish(&r);
	free(text);
}

static void check_repeated(const char *what, const char *unit, size_t len, bool refused)
{
	size_t total = 10u << 20, unit_len = len;
	char *text = malloc(total);
	struct run r;

	if (!text)
		exit(1);
	for (size_t i = 0; i < total; i++)
		text[i] = unit[i % unit_len];
	r = start(text, total);
	tap_ok(!r.root == refused && diag_count(r.diag, SEVERITY_ERROR) <= 1001, "10 MB of %s: %zu errors", what,
	       diag_count(r.diag, SEVERITY_ERROR));
	finish(&r);
	free(text);
}

static void check_nul(void)
{
	static const char document[] = "a = 1\nb = \"\0\"\n";
	struct run r = start(document, sizeof(document) - 1);

	tap_ok(!r.root && strstr(diag_text(r.diag), "t.toml:2:6: error: a NUL byte"),
	       "a NUL byte is refused where it stands");
	finish(&r);
}

static void check_many_keys(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct run r;

	if (!out)
		exit(1);
	for (int i = 0; i < 50000; i++)
		fprintf(out, "key%d = %d\n", i, i);
	fputs("key31415 = 1\n", out);
	fclose(out);
	r = start(text, len);
	tap_ok(!r.root && diag_count(r.diag, SEVERITY_ERROR) == 1 &&
		       strstr(diag_text(r.diag), "t.toml:31416:1: note: defined here"),
	       "one key twice among 50,000");
	finish(&r);
	free(text);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		check_valid(&valid[i]);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		check_invalid(&invalid[i]);
	check_positions();
	check_limits();
	check_dotted(TOML_MAX_DEPTH, "", " = 1", true);
	check_dotted(TOML_MAX_DEPTH + 1, "", " = 1", false);
	check_dotted(10000, "", " = 1", false);
	check_dotted(TOML_MAX_DEPTH, "[", "]", true);
	check_dotted(10000, "[", "]", false);
	check_dotted(10000, "a = { ", " = 1 }", false);
	check_repeated("letters", "a", 1, true);
	check_repeated("NUL bytes", "\0", 1, true);
	check_repeated("bytes that are not text", "\xff\n", 2, true);
	check_repeated("lines that are not TOML", "a b\n", 4, true);
	check_repeated("quotes", "\"", 1, true);
	check_repeated("backslashes", "a=\"\\q\\", 6, true);
	check_repeated("the same key", "a=1\n", 4, true);
	check_repeated("comments", "# x\n", 4, false);
	check_nul();
	check_many_keys();
	return tap_done();
}
