/* SPDX-License-Identifier: MIT */
/* The collector of diagnostics and its three reports; the table of sources; UTF-8; the arena. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "diag.h"
#include "source.h"
#include "tap.h"
#include "utf8.h"

struct run {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	uint32_t file;
};

static struct run start_named(const char *name, const char *text, size_t len)
{
	struct run r = {.arena = arena_create()};

	r.sources = sources_create(r.arena);
	r.diag = diag_create(r.arena, r.sources);
	r.file = source_from_memory(r.sources, name, text, len);
	return r;
}

static struct run start(const char *text)
{
	return start_named("p.toml", text, strlen(text));
}

static void finish(struct run *r)
{
	arena_destroy(&r->arena);
}

static struct srcpos pos_at(const struct run *r, uint32_t line, uint32_t col, uint32_t end_col)
{
	return (struct srcpos){r->file, line, col, line, end_col};
}

static struct diag_item *error_at(const struct run *r, uint32_t line, uint32_t col, uint32_t end_col,
				  const char *text)
{
	struct srcpos pos = pos_at(r, line, col, end_col);

	return diag_report(r->diag, CHECK_BAD_VALUE, &pos, "%s", text);
}

static void expect(const char *what, const char *got, const char *want)
{
	if (!tap_ok(!strcmp(got, want), "%s", what))
		tap_note("got:\n%s\nwant:\n%s", got, want);
}

/* ---- text ---- */

static void check_message(void)
{
	struct run r = start("ro = [\"/usr\"]\nrw = 1\n");
	struct srcpos first = pos_at(&r, 1, 1, 3);

	tap_ok(!strcmp(diag_text(r.diag), ""), "nothing to say is an empty report");
	diag_note(r.diag, error_at(&r, 2, 6, 7, "not an array"), &first, "first defined here");
	expect("message, source line, caret, note with its own, summary", diag_text(r.diag),
	       "p.toml:2:6: error: not an array [bad-value]\n"
	       "  rw = 1\n"
	       "       ^\n"
	       "p.toml:1:1: note: first defined here\n"
	       "  ro = [\"/usr\"]\n"
	       "  ^~\n"
	       "1 error\n");
	finish(&r);
}

static void check_without_position(void)
{
	struct run r = start("a\n");
	struct srcpos none = {.file = SRC_NONE};
	struct diag_item *item = diag_report(r.diag, CHECK_SOURCE_UNREADABLE, NULL, "%s: gone", "x.toml");

	diag_note(r.diag, item, &none, "did you mean y.toml?");
	diag_report(r.diag, CHECK_SYSCALL_OTHER_ARCH, NULL, "a note");
	expect("without a position the program speaks", diag_text(r.diag),
	       "llc-policy: error: x.toml: gone [source-unreadable]\n"
	       "llc-policy: note: did you mean y.toml?\n"
	       "llc-policy: note: a note [syscall-other-arch]\n"
	       "1 error, 1 note\n");
	finish(&r);
}

static void check_order(void)
{
	struct run r = start("one\ntwo\nthree\n");

	error_at(&r, 3, 1, 2, "e");
	error_at(&r, 1, 2, 3, "b");
	error_at(&r, 1, 2, 3, "b");
	error_at(&r, 1, 1, 2, "a");
	tap_ok(diag_count(r.diag, SEVERITY_ERROR) == 3, "what is reported twice counts once");
	error_at(&r, 2, 1, 2, "c");
	error_at(&r, 1, 1, 2, "a");
	expect("sorted by position, each once", diag_text(r.diag),
	       "p.toml:1:1: error: a [bad-value]\n  one\n  ^\n"
	       "p.toml:1:2: error: b [bad-value]\n  one\n   ^\n"
	       "p.toml:2:1: error: c [bad-value]\n  two\n  ^\n"
	       "p.toml:3:1: error: e [bad-value]\n  three\n  ^\n"
	       "4 errors\n");
	finish(&r);
}

struct caret_row {
	const char *what, *line;
	uint32_t col, end_col;
	const char *want; /* source line and caret line */
};

static const struct caret_row carets[] = {
	{"a range", "abcdef", 2, 5, "  abcdef\n   ^~~\n"},
	{"an empty range has its caret", "abc", 2, 2, "  abc\n   ^\n"},
	{"behind the end of the line", "abc", 4, 5, "  abc\n     ^\n"},
	{"far behind the end of the line", "abc", 90, 95, "  abc\n     ^\n"},
	{"an empty line", "", 1, 1, "  \n  ^\n"},
	{"tabs stay tabs", "\ta\tbc", 4, 6, "  \ta\tbc\n  \t \t^~\n"},
	{"a range over a tab", "a\tb", 1, 4, "  a\tb\n  ^~~\n"},
	{"escapes are as wide as they look", "\x1b[mx\x9b", 4, 6, "  \\x1B[mx\\x9B\n        ^~~~~\n"},
	{"the mark of an escape is as wide as the escape",
	 "a\x07"
	 "b",
	 2, 3, "  a\\x07b\n   ^~~~\n"},
	{"characters of several bytes", "\xc3\xa9\xc3\xa9=x", 6, 7, "  \xc3\xa9\xc3\xa9=x\n     ^\n"},
	{"wide characters", "\xe4\xb8\xad=x", 5, 6, "  \xe4\xb8\xad=x\n     ^\n"},
	{"combining characters", "e\xcc\x81=x", 5, 6, "  e\xcc\x81=x\n    ^\n"},
	{"what reorders text is escaped",
	 "\xe2\x80\xae"
	 "x",
	 4, 5, "  \\u{202E}x\n          ^\n"},
	{"C1 controls are escaped",
	 "\xc2\x9b"
	 "1mx",
	 5, 6, "  \\u{9B}1mx\n          ^\n"},
	{"a position inside a character", "\xc3\xa9x", 2, 3, "  \xc3\xa9x\n  ^\n"},
};

static void check_carets(void)
{
	for (size_t i = 0; i < sizeof(carets) / sizeof(carets[0]); i++) {
		const struct caret_row *row = &carets[i];
		struct run r = start(row->line);
		char *text, *excerpt, *summary;

		error_at(&r, 1, row->col, row->end_col, "x");
		text = diag_text(r.diag);
		excerpt = strchr(text, '\n') + 1;
		summary = strstr(excerpt, "1 error");
		if (summary)
			*summary = '\0';
		expect(row->what, excerpt, row->want);
		finish(&r);
	}
}

static void check_long_line(void)
{
	char line[5001] = "";
	struct run r;
	const char *text, *mark;

	memset(line, 'a', sizeof(line) - 1);
	line[2500] = 'X';
	r = start(line);
	error_at(&r, 1, 2501, 2502, "x");
	text = strchr(diag_text(r.diag), '\n') + 1;
	mark = strchr(text, '\n') + 1;
	tap_ok(mark - text < 200, "of a long line only the part around the place is shown");
	/* the ellipsis before the cut has three bytes and one column */
	tap_ok(strchr(text, 'X') - text == strchr(mark, '^') - mark + 2, "and the caret still stands below it");
	finish(&r);
}

static void check_lines(void)
{
	struct run r = start("a = [\r\n1\n]\n");
	struct srcpos pos = {r.file, 1, 5, 3, 2};

	diag_report(r.diag, CHECK_BAD_VALUE, &pos, "x");
	expect("a range over lines is marked to the end of its first", diag_text(r.diag),
	       "p.toml:1:5: error: x [bad-value]\n  a = [\n      ^\n1 error\n");
	finish(&r);
}

static void check_hostile_text(void)
{
	struct run r = start_named("p\x1b]0;.toml", "a\n", 2);
	char *big = malloc(100001);
	const char *text;

	if (!big)
		exit(1);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	error_at(&r, 1, 1, 2, "bad \x1b[31m\n\xff name \xe2\x80\xae");
	error_at(&r, 1, 1, 2, big);
	text = diag_text(r.diag);
	tap_ok(strstr(text, "p\\x1B]0;.toml:1:1: error: bad \\x1B[31m\\x0A\\xFF name \\u{202E} [bad-value]\n"),
	       "names and messages cannot bring control sequences");
	tap_ok(strlen(text) < 1500, "a megabyte's name does not make a megabyte's message");
	free(big);
	finish(&r);
}

static void check_hundred(void)
{
	struct run r = start("x\n");
	struct srcpos pos = pos_at(&r, 1, 1, 2);
	const char *text, *p;
	size_t shown = 0, errors = 0;

	for (int i = 0; i < 120; i++)
		diag_report(r.diag, CHECK_SYSCALL_OTHER_ARCH, &pos, "note %d", i);
	for (int i = 0; i < 3; i++)
		error_at(&r, 1, 2, 3, i == 0 ? "e0" : i == 1 ? "e1" : "e2");
	text = diag_text(r.diag);
	for (p = text; (p = strstr(p, "p.toml:1:")); p++)
		shown++;
	for (p = text; (p = strstr(p, ": error: ")); p++)
		errors++;
	tap_ok(shown == 100 && strstr(text, "\n… and 23 more\n3 errors, 120 notes\n"),
	       "a hundred are shown, the rest is counted");
	tap_ok(errors == 3, "errors are not crowded out by what stands before them");
	finish(&r);
}

static void check_flood(void)
{
	struct run r = start("x\n");
	struct srcpos pos = pos_at(&r, 1, 1, 2);
	struct diag_item *last = NULL;

	for (int i = 0; i < 30000; i++)
		last = diag_report(r.diag, CHECK_SYSCALL_OTHER_ARCH, &pos, "note %d", i);
	diag_note(r.diag, last, &pos, "to nobody");
	error_at(&r, 1, 1, 2, "the error");
	tap_ok(!last && diag_count(r.diag, SEVERITY_NOTE) == 30000, "a flood is counted, not kept");
	tap_ok(strstr(diag_text(r.diag), "error: the error"), "an error behind a flood of notes is kept");
	finish(&r);
}

/* ---- severities, names ---- */

static void check_severities(void)
{
	struct run r = start("x\n");
	struct srcpos pos = pos_at(&r, 1, 1, 2);

	tap_ok(check_find("toml-syntax") == CHECK_TOML_SYNTAX && check_find("no-such") == CHECKS,
	       "checks are found by name");
	tap_ok(!diag_set_severity(r.diag, CHECK_TOML_SYNTAX, SEVERITY_OFF) &&
		       !diag_set_severity(r.diag, CHECKS, SEVERITY_OFF),
	       "an error of the language cannot be changed, nor what does not exist");
	tap_ok(diag_set_severity(r.diag, CHECK_SYSCALL_OTHER_ARCH, SEVERITY_OFF), "another can");
	tap_ok(!diag_report(r.diag, CHECK_SYSCALL_OTHER_ARCH, &pos, "x"), "a check that is off says nothing");
	diag_note(r.diag, NULL, &pos, "and takes no notes");
	diag_set_severity(r.diag, CHECK_SYSCALL_OTHER_ARCH, SEVERITY_WARNING);
	tap_ok(diag_severity(r.diag, CHECK_SYSCALL_OTHER_ARCH) == SEVERITY_WARNING, "its severity is what was set");
	diag_report(r.diag, CHECK_SYSCALL_OTHER_ARCH, &pos, "x");
	tap_ok(diag_count(r.diag, SEVERITY_WARNING) == 1 && !diag_count(r.diag, SEVERITY_ERROR),
	       "and is reported with it");
	finish(&r);
}

static void check_rows_are_sound(void)
{
	bool sound = true;

	for (unsigned i = 0; i < CHECKS; i++) {
		const struct check_row *row = &check_rows[i];

		sound = sound && row->name && *row->name && row->help && *row->help && check_find(row->name) == i &&
			strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(row->name);
	}
	tap_ok(sound, "every row of checks.def has its own kebab-case name and a help text");
}

struct nearest_row {
	const char *word, *want;
};

static void check_nearest(void)
{
	static const char *const words[] = {"read_file", "read_dir", "write_file", "make_reg", "ro",
					    "rox",       "rw",       "EPERM",      NULL};
	static const struct nearest_row rows[] = {
		{"read_fiel", "read_file"},
		{"readfile", "read_file"},
		{"read-dir", "read_dir"},
		{"wirte_file", "write_file"},
		{"READ_FILE", "read_file"},
		{"rx", "ro"},
		{"rxw", "rw"},
		{"eperm", "EPERM"},
		{"mak_rge", "make_reg"},
		{"network", NULL},
		{"x", NULL},
		{"", NULL},
		{"zzzzzzzzzzzzzzzzzzzzz", NULL},
	};
	char long_word[1000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = diag_nearest(rows[i].word, words);

		tap_ok(got == rows[i].want || (got && rows[i].want && !strcmp(got, rows[i].want)),
		       "nearest to '%s': %s", rows[i].word, rows[i].want ? rows[i].want : "nothing");
	}
	memset(long_word, 'r', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	tap_ok(!diag_nearest(long_word, words), "nothing is near to a thousand letters");
}

/* ---- JSON and SARIF ---- */

static json_t *report_of(struct diag *diag, enum report_format format)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *json;

	if (!out)
		exit(1);
	diag_print(diag, format, out);
	fclose(out);
	json = json_loads(text, 0, NULL);
	free(text);
	return json;
}

static bool has_integers(json_t *object, const char *const *keys, const json_int_t *numbers)
{
	for (; *keys; keys++, numbers++) {
		if (json_integer_value(json_object_get(object, *keys)) != *numbers)
			return false;
	}
	return true;
}

static struct run with_findings(void)
{
	static const char text[] = "x = \"\xc3\xa9\" y\nz\n";
	struct run r = start_named("/a b/p\xff.toml", text, sizeof(text) - 1);
	struct srcpos note = pos_at(&r, 2, 1, 2);
	struct diag_item *item = error_at(&r, 1, 10, 11, "no \xff y");

	diag_note(r.diag, item, &note, "see here");
	diag_note(r.diag, item, NULL, "did you mean z?");
	diag_report(r.diag, CHECK_SYSCALL_OTHER_ARCH, NULL, "nowhere");
	return r;
}

static void check_json(void)
{
	static const char *const keys[] = {"line", "column", "endLine", "endColumn", NULL};
	static const json_int_t place[] = {1, 10, 1, 11};
	struct run r = with_findings(), empty = start("");
	json_t *json = report_of(r.diag, REPORT_JSON), *none = report_of(empty.diag, REPORT_JSON);
	json_t *items = json_object_get(json, "diagnostics"), *first = json_array_get(items, 0),
	       *second = json_array_get(items, 1);
	json_t *notes = json_object_get(first, "notes");

	tap_ok(json_array_size(items) == 2 && json_integer_value(json_object_get(json, "errors")) == 1 &&
		       json_integer_value(json_object_get(json, "warnings")) == 0,
	       "JSON: all diagnostics and the counts");
	tap_ok(!strcmp(json_string_value(json_object_get(first, "check")), "bad-value") &&
		       !strcmp(json_string_value(json_object_get(first, "severity")), "error") &&
		       !strcmp(json_string_value(json_object_get(first, "message")), "no \\xFF y") &&
		       !strcmp(json_string_value(json_object_get(first, "file")), "/a b/p\\xFF.toml"),
	       "JSON: check, severity, message, file; what is not UTF-8 is escaped");
	tap_ok(has_integers(first, keys, place), "JSON: the place");
	tap_ok(json_array_size(notes) == 2 &&
		       json_integer_value(json_object_get(json_array_get(notes, 0), "line")) == 2 &&
		       json_is_null(json_object_get(json_array_get(notes, 1), "file")),
	       "JSON: the notes");
	tap_ok(json_is_null(json_object_get(second, "file")) && json_is_null(json_object_get(second, "line")),
	       "JSON: no position is null");
	tap_ok(json_is_array(json_object_get(none, "diagnostics")) &&
		       !json_array_size(json_object_get(none, "diagnostics")),
	       "JSON: an empty report is valid");
	json_decref(json);
	json_decref(none);
	finish(&r);
	finish(&empty);
}

static json_t *get(json_t *json, const char *path)
{
	char key[64];

	while (json && *path) {
		size_t n = strcspn(path, "/");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10))
					   : json_object_get(json, key);
		path += n + (path[n] == '/');
	}
	return json;
}

static bool is_text(json_t *json, const char *path, const char *want)
{
	const char *got = json_string_value(get(json, path));

	if (got && !strcmp(got, want))
		return true;
	tap_note("%s is %s, not %s", path, got ? got : "no string", want);
	return false;
}

static void check_sarif_results(json_t *sarif)
{
	static const char *const keys[] = {"startLine", "startColumn", "endLine", "endColumn", NULL};
	static const json_int_t region[] = {1, 9, 1, 10}; /* the é before it is one character of two bytes */
	json_t *first = get(sarif, "runs/0/results/0"), *second = get(sarif, "runs/0/results/1");

	tap_ok(json_array_size(get(sarif, "runs/0/results")) == 2 && is_text(first, "ruleId", "bad-value") &&
		       is_text(first, "level", "error") &&
		       json_integer_value(get(first, "ruleIndex")) == (json_int_t)CHECK_BAD_VALUE,
	       "SARIF: result with rule and level");
	tap_ok(is_text(first, "message/text", "no \\xFF y; did you mean z?"),
	       "SARIF: a note without a place joins the message");
	tap_ok(is_text(first, "locations/0/physicalLocation/artifactLocation/uri", "file:///a%20b/p%FF.toml"),
	       "SARIF: the file is a URI");
	tap_ok(has_integers(get(first, "locations/0/physicalLocation/region"), keys, region),
	       "SARIF: columns are characters");
	tap_ok(is_text(first, "relatedLocations/0/message/text", "see here") &&
		       json_integer_value(get(first, "relatedLocations/0/physicalLocation/region/startLine")) == 2,
	       "SARIF: a note with a place is a related location");
	tap_ok(json_is_array(get(second, "locations")) && !json_array_size(get(second, "locations")) &&
		       !get(second, "relatedLocations"),
	       "SARIF: a result without a place");
}

static void check_sarif_rules(json_t *rules)
{
	bool sound = json_array_size(rules) == CHECKS;

	for (unsigned i = 0; i < CHECKS; i++) {
		json_t *rule = json_array_get(rules, i);

		sound = sound && is_text(rule, "id", check_rows[i].name) &&
			is_text(rule, "shortDescription/text", check_rows[i].help) &&
			get(rule, "defaultConfiguration/level");
	}
	tap_ok(sound, "SARIF: every row of checks.def is a rule, at its index");
}

static void check_sarif(void)
{
	struct run r = with_findings(), empty = start("");
	json_t *sarif = report_of(r.diag, REPORT_SARIF), *none = report_of(empty.diag, REPORT_SARIF);

	tap_ok(is_text(sarif, "version", "2.1.0") && get(sarif, "$schema") &&
		       is_text(sarif, "runs/0/tool/driver/name", "llc-policy") &&
		       get(sarif, "runs/0/tool/driver/version") &&
		       is_text(sarif, "runs/0/columnKind", "unicodeCodePoints"),
	       "SARIF: version, schema, tool");
	check_sarif_results(sarif);
	check_sarif_rules(get(sarif, "runs/0/tool/driver/rules"));
	tap_ok(json_is_array(get(none, "runs/0/results")) && !json_array_size(get(none, "runs/0/results")),
	       "SARIF: an empty report has an empty list of results");
	json_decref(sarif);
	json_decref(none);
	finish(&r);
	finish(&empty);
}

/* ---- sources ---- */

static void expect_line(const struct run *r, uint32_t line, const char *want)
{
	size_t len = 0;
	const char *text = source_line(r->sources, r->file, line, &len);

	tap_ok(want ? text && len == strlen(want) && !memcmp(text, want, len) : !text, "line %u is %s", line,
	       want ? want : "none");
}

static void check_lines_of_source(void)
{
	struct run r = start("\xef\xbb\xbfone\r\n\ntwo\r");
	size_t len;

	expect_line(&r, 0, NULL);
	expect_line(&r, 1, "one");
	expect_line(&r, 2, "");
	expect_line(&r, 3, "two\r");
	expect_line(&r, 4, NULL);
	tap_ok(!source_line(r.sources, SRC_NONE, 1, &len) && !source_name(r.sources, SRC_NONE) &&
		       !source_text(r.sources, r.file + 1, &len),
	       "no source, no line");
	finish(&r);
}

/* Opening `path` fails with a message that ends so. */
static void expect_refusal(struct run *r, const char *path, const char *why)
{
	const char *want = arena_printf(r->arena, "llc-policy: error: %s: %s [source-unreadable]\n", path, why);

	tap_ok(source_open(r->sources, r->diag, path) == SRC_NONE && strstr(diag_text(r->diag), want), "%s: %s", path,
	       why);
}

static void check_files(void)
{
	char directory[] = "/tmp/diag_test.XXXXXX";
	struct run r = start("");
	char *path, *pipe;
	const char *text;
	uint32_t file;
	size_t len = 0;
	FILE *out;

	if (!mkdtemp(directory))
		exit(1);
	path = arena_printf(r.arena, "%s/f", directory);
	pipe = arena_printf(r.arena, "%s/pipe", directory);
	out = fopen(path, "w");
	if (!out || mkfifo(pipe, 0600))
		exit(1);
	fputs("a = 1\n", out);
	fclose(out);
	file = source_open(r.sources, r.diag, path);
	text = source_text(r.sources, file, &len);
	tap_ok(file != SRC_NONE && len == 6 && !strcmp(text, "a = 1\n") &&
		       !strcmp(source_name(r.sources, file), path),
	       "a file is read whole, its name is kept");
	expect_refusal(&r, directory, "Is a directory");
	expect_refusal(&r, pipe, "not a regular file");
	expect_refusal(&r, arena_printf(r.arena, "%s/none", directory), "No such file or directory");
	tap_ok(truncate(path, SOURCE_MAX_SIZE) == 0 && source_open(r.sources, r.diag, path) != SRC_NONE,
	       "16 MiB fit");
	if (truncate(path, SOURCE_MAX_SIZE + 1))
		exit(1);
	expect_refusal(&r, path, "larger than 16 MiB");
	unlink(path);
	unlink(pipe);
	rmdir(directory);
	finish(&r);
}

/* ---- UTF-8 and arena ---- */

static void check_utf8(void)
{
	static const char *const bad[] = {"\x80",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "\xe2\x82",
					  "\xc3("};
	bool refused = true, round_trip = true;
	uint32_t code, got;
	char bytes[4];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused = refused && !utf8_decode(bad[i], strlen(bad[i]), &code);
	tap_ok(refused && !utf8_decode("", 0, &code), "what is not UTF-8 is refused");
	for (code = 0; code <= 0x110000; code++) {
		size_t n = utf8_put(code, bytes);
		bool scalar = code < 0x110000 && !(code >= 0xd800 && code < 0xe000);

		round_trip = round_trip && (scalar ? n && utf8_decode(bytes, n, &got) == n && got == code : !n);
	}
	tap_ok(round_trip, "every scalar value survives, nothing else is encoded");
}

static void check_arena(void)
{
	struct arena *arena = arena_create();
	bool aligned = true, zero = true;
	size_t cap = 0;
	int *numbers = NULL;

	for (size_t size = 0; size < 300000; size = size * 3 + 1) {
		char *p = arena_alloc(arena, size);

		aligned = aligned && (uintptr_t)p % _Alignof(max_align_t) == 0;
		for (size_t i = 0; i < size; i++)
			zero = zero && !p[i];
		memset(p, 0xff, size);
	}
	tap_ok(aligned && zero, "memory is aligned and zeroed, of any size");
	for (int i = 0; i < 1000; i++) {
		numbers = arena_grow(arena, numbers, &cap, (size_t)i + 1, sizeof(*numbers));
		numbers[i] = i;
	}
	tap_ok(numbers[0] == 0 && numbers[999] == 999 && cap >= 1000 &&
		       arena_grow(arena, numbers, &cap, 5, sizeof(*numbers)) == numbers,
	       "an array grows and keeps its items");
	tap_ok(!strcmp(arena_strndup(arena, "abcd", 2), "ab") && !strcmp(arena_printf(arena, "%d-%s", 7, "x"), "7-x"),
	       "copies and formatted text");
	arena_destroy(&arena);
	tap_ok(!arena, "a destroyed arena is gone");
	arena_destroy(&arena);
}

int main(void)
{
	check_message();
	check_without_position();
	check_order();
	check_carets();
	check_long_line();
	check_lines();
	check_hostile_text();
	check_hundred();
	check_flood();
	check_severities();
	check_rows_are_sound();
	check_nearest();
	check_json();
	check_sarif();
	check_lines_of_source();
	check_files();
	check_utf8();
	check_arena();
	return tap_done();
}
