/* SPDX-License-Identifier: MIT */
/*
 * Conditions on arguments, the shape. `&` binds tighter than comparisons, unlike in C: "flags & MASK == VALUE" is what
 * people mean. A masked argument alone holds when any bit is set; since it may stand in parentheses both as a condition
 * and in front of a comparison, it has a symbol of its own. Nothing here owns memory: no symbol needs a %destructor.
 */
%define api.pure full
%define api.prefix {cond_yy}
%define api.token.prefix {TOK_}
%define api.location.type {struct srcpos}
%define parse.error custom
%define parse.lac full
%locations
%parse-param {struct cond_build *build} {void *scanner}
%lex-param {void *scanner}

%code requires {
#include <string.h>

#include "cond.h"
}

%code {
int cond_yylex(COND_YYSTYPE *value, COND_YYLTYPE *pos, void *scanner);
static void cond_yyerror(const struct srcpos *pos, struct cond_build *build, void *scanner, const char *message);

#define YYLLOC_DEFAULT(Current, Rhs, N)                                                                                \
	do {                                                                                                           \
		(Current) = YYRHSLOC(Rhs, (N) ? 1 : 0);                                                                \
		(Current).end_line = YYRHSLOC(Rhs, N).end_line;                                                        \
		(Current).end_col = YYRHSLOC(Rhs, N).end_col;                                                          \
	} while (0)
}

%union {
	struct cond_word word;
	struct cond *cond;
	struct cond_value *value;
	struct cond_item *item;
	enum cond_relation relation;
}

%token <word> NAME "a name" NUMBER "a number"
%token AND "'&&'" OR "'||'" NOT "'!'" IN "'in'" EQ "'=='" NE "'!='" LT "'<'" LE "'<='" GT "'>'" GE "'>='" MASK "'&'"
%token BAR "'|'" TILDE "'~'" MINUS "'-'" DOTS "'..'" COMMA "','" OPEN "'('" CLOSE "')'" BRACE "'{'" UNBRACE "'}'"
%token ASSIGN "'='" STRAY "this character" END 0 "the end of the condition"
%type <cond> condition other masked operand
%type <value> value
%type <item> items item set
%type <relation> relation

%left OR
%left AND
%precedence NOT
%left BAR
%precedence TILDE MINUS

%%

document:
	condition			{ cond_finish(build, $condition); }
;

condition:
	other
|	masked				{ $$ = cond_relate($masked, COND_ANY_BIT, NULL, &@$); }
;

other:
	condition[l] AND condition[r]	{ $$ = cond_node(build, COND_AND, &@$, $l, $r); }
|	condition[l] OR condition[r]	{ $$ = cond_node(build, COND_OR, &@$, $l, $r); }
|	NOT condition[l]		{ $$ = cond_node(build, COND_NOT, &@$, $l, NULL); }
|	OPEN other[l] CLOSE		{ $$ = $l; }
|	operand relation value		{ $$ = cond_relate($operand, $relation, $value, &@$); }
|	operand IN set			{ $$ = cond_in($operand, $set, &@$); }
|	operand NOT IN set		{ $$ = cond_node(build, COND_NOT, &@$, cond_in($operand, $set, &@$), NULL); }
;

masked:
	NAME MASK value			{ $$ = cond_mask(cond_argument(build, $NAME, &@NAME), $value); }
|	OPEN masked[m] CLOSE		{ $$ = $m; }
;

operand:
	NAME				{ $$ = cond_argument(build, $NAME, &@NAME); }
|	masked
;

relation:
	EQ				{ $$ = COND_EQ; }
|	NE				{ $$ = COND_NE; }
|	LT				{ $$ = COND_LT; }
|	LE				{ $$ = COND_LE; }
|	GT				{ $$ = COND_GT; }
|	GE				{ $$ = COND_GE; }
;

set:
	BRACE items UNBRACE		{ $$ = $items; }
|	BRACE items COMMA UNBRACE	{ $$ = $items; }
|	value[low] DOTS value[high]	{ $$ = cond_item(build, NULL, $low, $high); }
;

items:
	item
|	items[before] COMMA item	{ $$ = $item; $item->next = $before; }
;

item:
	value				{ $$ = cond_item(build, NULL, $value, NULL); }
|	value[low] DOTS value[high]	{ $$ = cond_item(build, NULL, $low, $high); }
;

value:
	NUMBER				{ $$ = cond_number(build, $NUMBER, &@NUMBER); }
|	NAME				{ $$ = cond_name(build, $NAME, &@NAME); }
|	value[l] BAR value[r]		{ $$ = cond_join(build, COND_BITS_OR, &@$, $l, $r); }
|	TILDE value[l]			{ $$ = cond_join(build, COND_INVERT, &@$, $l, NULL); }
|	MINUS value[l]			{ $$ = cond_join(build, COND_NEGATE, &@$, $l, NULL); }
|	OPEN value[l] CLOSE		{ $$ = $l; }
;

%%

static void cond_yyerror(const struct srcpos *pos, struct cond_build *build, void *scanner, const char *message)
{
	(void)scanner;
	/* bison's own message, when its stack has YYMAXDEPTH elements */
	cond_error(build, pos, "%s", strcmp(message, "memory exhausted") ? message : "nested too deeply");
}

static const char *hint(yysymbol_kind_t found)
{
	return found == YYSYMBOL_ASSIGN ? "; equality is written ==" :
	       found == YYSYMBOL_IN	? "; an argument stands before it" :
					  "";
}

static int yyreport_syntax_error(const yypcontext_t *context, struct cond_build *build, void *scanner)
{
	yysymbol_kind_t found = yypcontext_token(context), expected[3];
	int n = yypcontext_expected_tokens(context, expected, 3);
	const char *tail = hint(found);

	(void)scanner;
	if (n < 0)
		return n;
	if (n == 1)
		cond_error(build, yypcontext_location(context), "expected %s, found %s%s", yysymbol_name(expected[0]),
			   yysymbol_name(found), tail);
	else if (n == 2)
		cond_error(build, yypcontext_location(context), "expected %s or %s, found %s%s",
			   yysymbol_name(expected[0]), yysymbol_name(expected[1]), yysymbol_name(found), tail);
	else if (found == YYSYMBOL_YYEOF)
		cond_error(build, yypcontext_location(context), "the condition ends too early");
	else
		cond_error(build, yypcontext_location(context), "%s cannot stand here%s", yysymbol_name(found), tail);
	return 0;
}
