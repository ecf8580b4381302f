/* SPDX-License-Identifier: MIT */
/* llrund status and stop: a request to a running daemon. */
#include "commands.h"
#include "msg.h"
#include "wire.h"

static int parse(const char *const *argv, const char **path, struct llrun_error *error)
{
	const char *value;
	uint32_t which;

	*path = NULL;
	while (*argv) {
		argv = option_parse(llrund_options, LLRUND_OPTIONS, argv, &which, &value, error);
		if (!argv)
			return -1;
		if (which != LLRUND_SOCKET)
			return fail(error, LLRUN_E_BLOB, "not an option of this command", argv[-1]);
		*path = value;
	}
	return *path ? 0 : fail(error, LLRUN_E_BLOB, "which daemon? --socket PATH", NULL);
}

/* Waits for the answer: text; or, to PROTO_STOP, the end. */
static int answer(int server, enum proto_command asked, const char *path, struct llrun_error *error)
{
	struct proto_reply reply;
	long size = SYS(read, server, &reply, sizeof(reply));

	if (size == 0 && asked == PROTO_STOP)
		return 0;
	if (size == 0)
		return fail(error, LLRUN_E_BLOB, "the daemon went away", path);
	if (check_sys(error, "read", size, path) < 0)
		return -1;
	if (size <= (long)PROTO_REPLY_HEAD || reply.magic != PROTO_MAGIC || reply.version != PROTO_VERSION)
		return fail(error, LLRUN_E_BLOB, "not an llrund of this version", path);
	reply.text[sizeof(reply.text) - 1] = 0;
	if (reply.kind != PROTO_TEXT) {
		msg(2, "llrund: %s: \"%s\"", reply.text, path);
		error->code = LLRUN_OK;
		return -1;
	}
	uint32_t len = 0;
	while (reply.text[len])
		len++;
	reply.text[len++] = '\n';
	return check_sys(error, "write", SYS(write, 1, reply.text, len), NULL);
}

static int ask(const char *const *argv, enum proto_command what)
{
	struct proto_request request = {.magic = PROTO_MAGIC, .version = PROTO_VERSION, .command = (uint16_t)what};
	char name[K_SUN_PATH + 16];
	struct llrun_error error;
	const char *path;

	if (parse(argv, &path, &error) < 0)
		return refuse(&error);
	int proofs[PROTO_FD_CWD], server = wire_connect(path, proofs, name, &error);
	struct k_iovec parts[2] = {{&request, sizeof(request)}};
	if (server < 0 || check_sys(&error, "sendmsg", wire_send(server, parts, 2, proofs, PROTO_FD_CWD), path) < 0)
		return refuse(&error);
	if (answer(server, what, path, &error) < 0)
		return error.code ? refuse(&error) : EXIT_REFUSED;
	return 0;
}

int command_status(struct run *run, const char *const *argv)
{
	(void)run;
	return ask(argv, PROTO_STATUS);
}

int command_stop(struct run *run, const char *const *argv)
{
	(void)run;
	return ask(argv, PROTO_STOP);
}
