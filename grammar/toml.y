/* SPDX-License-Identifier: MIT */
/*
 * TOML 1.0.0, the shape. One builder call per action; what a shape means (duplicates, ranges, escapes) is the
 * builder's. Recovery is at line ends: every line with an error is reported. Nothing here owns memory (the tree lives
 * in the arena), so no symbol needs a %destructor.
 */
%define api.pure full
%define api.prefix {toml_yy}
%define api.token.prefix {TOK_}
%define api.location.type {struct srcpos}
%define parse.error custom
%define parse.lac full
%locations
%parse-param {struct toml_build *build} {void *scanner}
%lex-param {void *scanner}

%code requires {
#include "toml_build.h"
}

%code {
#include <stdio.h>

int toml_yylex(TOML_YYSTYPE *value, TOML_YYLTYPE *pos, void *scanner);
static void toml_yyerror(const struct srcpos *pos, struct toml_build *build, void *scanner, const char *message);

#define YYLLOC_DEFAULT(Current, Rhs, N)                                                                                \
	do {                                                                                                           \
		(Current) = YYRHSLOC(Rhs, (N) ? 1 : 0);                                                                \
		(Current).end_line = YYRHSLOC(Rhs, N).end_line;                                                        \
		(Current).end_col = YYRHSLOC(Rhs, N).end_col;                                                          \
	} while (0)

#define ADD(key, word, pos)                                                                                            \
	do {                                                                                                           \
		if (!toml_key_add(build, &(key), word, &(pos))) {                                                      \
			toml_resync(scanner);                                                                          \
			YYERROR;                                                                                       \
		}                                                                                                      \
	} while (0)
}

%union {
	struct toml_word word;
	struct toml_key key;
	struct toml_value *value;
}

%token <word> KEY "a key" SCALAR "a value"
%token DOT "'.'" EQUALS "'='" COMMA "','" OPEN "'['" CLOSE "']'" OPEN2 "'[['" CLOSE2 "']]'" BRACE "'{'" UNBRACE "'}'"
%token NEWLINE "the end of the line" END 0 "the end of the file"
%type <key> key
%type <value> value list members

%%

document:
	%empty
|	document line NEWLINE
|	document error NEWLINE		{ yyerrok; }
;

line:
	%empty
|	key EQUALS value		{ toml_set(build, NULL, &$key, $value); }
|	OPEN key CLOSE			{ toml_header(build, &$key, &@$, false); }
|	OPEN2 key CLOSE2		{ toml_header(build, &$key, &@$, true); }
;

key:
	KEY				{ $$ = (struct toml_key){ 0 }; ADD($$, $1, @1); }
|	key DOT KEY			{ $$ = $1; ADD($$, $3, @3); }
;

value:
	SCALAR				{ $$ = toml_scalar(build, $1, &@1); }
|	OPEN CLOSE			{ $$ = toml_close(toml_array(build), &@$); }
|	list CLOSE			{ $$ = toml_close($list, &@$); }
|	list COMMA CLOSE		{ $$ = toml_close($list, &@$); }
|	BRACE UNBRACE			{ $$ = toml_close(toml_inline_table(build), &@$); }
|	members UNBRACE			{ $$ = toml_close($members, &@$); }
;

list:
	OPEN value			{ $$ = toml_array(build); toml_array_add($$, $value); }
|	list COMMA value		{ $$ = $1; toml_array_add($$, $value); }
;

members:
	BRACE key EQUALS value		{ $$ = toml_inline_table(build); toml_set(build, $$, &$key, $value); }
|	members COMMA key EQUALS value	{ $$ = $1; toml_set(build, $$, &$key, $value); }
;

%%

static void toml_yyerror(const struct srcpos *pos, struct toml_build *build, void *scanner, const char *message)
{
	toml_syntax_error(build, pos, "%s", message);
	toml_resync(scanner);
}

#define EXPECTED_MAX 8

static bool among(const yysymbol_kind_t *kinds, int n, yysymbol_kind_t kind)
{
	while (n--) {
		if (kinds[n] == kind)
			return true;
	}
	return false;
}

/* What could stand here, in a reader's words: '[' and '{' are values too, and a line may begin with a header. */
static void list_expected(const yysymbol_kind_t *kinds, int n, char *out, size_t size)
{
	bool value = among(kinds, n, YYSYMBOL_SCALAR), start = among(kinds, n, YYSYMBOL_OPEN2);
	size_t len = 0;

	if (start) {
		snprintf(out, size, "a key or a table header");
		return;
	}
	*out = '\0';
	for (int i = 0; i < n && len < size; i++) {
		if (value && (kinds[i] == YYSYMBOL_OPEN || kinds[i] == YYSYMBOL_BRACE))
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " or " : "", yysymbol_name(kinds[i]));
	}
}

static int yyreport_syntax_error(const yypcontext_t *context, struct toml_build *build, void *scanner)
{
	yysymbol_kind_t kinds[EXPECTED_MAX];
	char expected[128];
	int n = yypcontext_expected_tokens(context, kinds, EXPECTED_MAX);

	if (n < 0)
		return n;
	list_expected(kinds, n, expected, sizeof(expected));
	toml_syntax_error(build, yypcontext_location(context), "expected %s, found %s", expected, toml_found(build));
	toml_resync(scanner);
	return 0;
}
