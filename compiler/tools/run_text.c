/* SPDX-License-Identifier: MIT */
/* The policy that a request stands for, as TOML with comments that say where each rule came from; see run.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "policy.h"
#include "quote.h"
#include "run.h"

/* In a comment a line must stay a line. */
static void put_comment(FILE *out, const char *text)
{
	fputs("\t# ", out);
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
	fputc('\n', out);
}

static void put_paths(FILE *out, const struct run *run, int group, const char *key, bool even_if_empty)
{
	size_t n = 0;

	for (size_t i = 0; i < run->npaths; i++) {
		const struct run_path *p = &run->paths[i];
		bool optional = run->flags[RUN_IGNORE_MISSING] && !p->imported;
		if (p->group != group)
			continue;
		fprintf(out, "%s", n++ ? "" : key);
		fputs(n == 1 ? " = [\n\t" : "\t", out);
		fputs(optional ? "{ path = " : "", out);
		quote_toml(out, p->path);
		fputs(optional ? ", optional = true }," : ",", out);
		put_comment(out, p->origin);
	}
	if (n)
		fputs("]\n", out);
	else if (even_if_empty)
		fprintf(out, "%s = []\n", key);
}

static void put_words(FILE *out, const struct run_words *words, const char *key)
{
	bool any = false;

	for (size_t i = 0; i < words->n; i++) {
		if (words->items[i].value)
			continue;
		fprintf(out, "%s", any ? "" : key);
		fputs(any ? "\t" : " = [\n\t", out);
		quote_toml(out, words->items[i].name);
		fputc(',', out);
		put_comment(out, words->items[i].origin);
		any = true;
	}
	if (any)
		fputs("]\n", out);
}

static void put_fs(FILE *out, const struct run *run)
{
	static const struct {
		int group;
		const char *key;
	} groups[] = {{GROUP_RO, "ro"}, {GROUP_ROX, "rox"}, {GROUP_RW, "rw"}, {GROUP_RWX, "rwx"}};

	if (run->flags[RUN_UNRESTRICTED_FS]) {
		fputs("\n[fs]\nunrestricted = true\t# --unrestricted-filesystem\n", out);
		return;
	}
	if (run->policy && !run->npaths && !run->bundles.n)
		return;
	fputs("\n[fs]\n", out);
	put_words(out, &run->bundles, "with");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		put_paths(out, run, groups[i].group, groups[i].key, false);
	put_paths(out, run, GROUP_UNIX, "unix", run->tool->unix_closed && !run->policy);
}

static void put_ports(FILE *out, const struct run *run, bool bind, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < run->nports; i++)
		if (run->ports[i].bind == bind) {
			fprintf(out, "%s%s%u", n ? ", " : key, n ? "" : " = [", run->ports[i].port);
			n++;
		}
	if (n)
		fputs("]\n", out);
	else if (!run->policy)
		fprintf(out, "%s = []\n", key);
}

/* landlockd's form: TCP rights and nothing else, as the tools have it whose place this takes. */
static void put_tcp_only(FILE *out, const struct run *run)
{
	fputs("\n[net]\nhandled_access_net = [\"bind_tcp\", \"connect_tcp\"]\n", out);
	for (size_t i = 0; i < run->nports; i++) {
		const struct run_port *p = &run->ports[i];
		fprintf(out, "[[net.rule]]\nport = %u", p->port);
		put_comment(out, p->origin);
		fprintf(out, "allowed_access = [\"%s\"]\n", p->bind ? "bind_tcp" : "connect_tcp");
	}
}

static void put_net(FILE *out, const struct run *run)
{
	if (run->flags[RUN_UNRESTRICTED_NET]) {
		fputs("\n[net]\nunrestricted = true\t# --unrestricted-network\n", out);
		return;
	}
	if (run->policy && !run->nports && !run->flags[RUN_ALLOW_UDP])
		return;
	if (run->tool->tcp_only) {
		put_tcp_only(out, run);
		return;
	}
	fputs("\n[net]\n", out);
	put_ports(out, run, false, "connect_tcp");
	put_ports(out, run, true, "bind_tcp");
	if (run->flags[RUN_ALLOW_UDP])
		fputs("udp = \"allow\"\t# --allow-udp\n", out);
	else if (!run->policy)
		fputs("udp = \"deny\"\n", out);
}

static void put_scope(FILE *out, const struct run *run)
{
	if (run->policy)
		return;
	fputs(run->flags[RUN_UNRESTRICTED_SCOPED] ? "\n[scope]\nunrestricted = true\t# --unrestricted-scoped\n"
						  : "\n[scope]\nabstract_unix_socket = true\nsignal = true\n",
	      out);
}

static void put_env(FILE *out, const struct run *run)
{
	bool any = false;

	if (run->policy && !run->env.n)
		return;
	fputs("\n[env]\n", out);
	put_words(out, &run->env, "pass");
	for (size_t i = 0; i < run->env.n; i++) {
		const struct run_word *word = &run->env.items[i];
		if (!word->value)
			continue;
		fputs(any ? "" : "[env.set]\n", out);
		quote_toml(out, word->name);
		fputs(" = ", out);
		quote_toml(out, word->value);
		put_comment(out, word->origin);
		any = true;
	}
}

static void put_audit(FILE *out, const struct run *run)
{
	const bool *flags = run->flags;

	if (!flags[RUN_LOG_SAME_EXEC_OFF] && !flags[RUN_LOG_NEW_EXEC] && !flags[RUN_LOG_SUBDOMAINS_OFF])
		return;
	fputs("\n[audit]\n", out);
	if (flags[RUN_LOG_SAME_EXEC_OFF])
		fputs("log_same_exec = false\t# --log-disable-originating\n", out);
	if (flags[RUN_LOG_NEW_EXEC])
		fputs("log_new_exec = true\t# --log-enable-subprocesses\n", out);
	if (flags[RUN_LOG_SUBDOMAINS_OFF])
		fputs("log_subdomains = false\t# --log-disable-subdomains\n", out);
}

static void put_policy(FILE *out, const struct run *run)
{
	bool effort = run->tool->best_effort || run->flags[RUN_BEST_EFFORT];
	bool restricts = !run->flags[RUN_UNRESTRICTED_FS] || !run->flags[RUN_UNRESTRICTED_NET] ||
			 !run->flags[RUN_UNRESTRICTED_SCOPED];

	if (!effort)
		return;
	fprintf(out, "\n[policy]\ncompat = \"best-effort\"\t# %s\n",
		run->flags[RUN_BEST_EFFORT] ? "--best-effort" : "as runlock does");
	/* a kernel without Landlock would enforce next to nothing: no effort, whatever was asked for */
	if (restricts && !run->policy)
		fputs("min_abi = 1\n", out);
}

const char *run_text(struct run *run, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		arena_exhausted(run->c.arena, 0);
	fprintf(out, "# Written by llc-policy %s.\nversion = 1\n", command_rows[run->tool->command].name);
	if (run->policy) {
		fputs("include = [", out);
		quote_toml(out, run->policy);
		fputs("]\t# --policy\n", out);
	}
	put_policy(out, run);
	put_fs(out, run);
	put_net(out, run);
	put_scope(out, run);
	put_env(out, run);
	put_audit(out, run);
	if (fclose(out))
		arena_exhausted(run->c.arena, *len);
	const char *kept = arena_strndup(run->c.arena, text, *len);
	free(text);
	return kept;
}
