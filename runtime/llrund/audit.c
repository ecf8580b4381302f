/* SPDX-License-Identifier: MIT */
/*
 * The audit log's writer: one record, one write(2), never longer than a pipe takes at once.
 *
 * MUST escape what comes from outside so that no byte of it can end a string or a line, and that it can be had back.
 * MUST NOT go on after a failure: a gap would look like nothing had happened.
 */
#include "audit.h"

#include "kernel_run.h"

enum type { NUMBER, TEXT, NAME, WORDS, BOOL, DECISION };

static const struct {
	const char *name;
	enum type type;
} fields[AUDIT_FIELDS] = {
#define FIELD(id, name, type, help) {name, type},
#include "llrund/events.def"
};
_Static_assert(AUDIT_FIELDS <= 64, "bits of a word");

#define F(id) (UINT64_C(1) << AUDIT_F_##id)
static const struct {
	const char *name;
	uint64_t required, optional;
} events[AUDIT_EVENTS] = {
#define EVENT(id, name, required, optional, help) {name, required, optional},
#include "llrund/events.def"
};

/* ---- a record ---- */

#define COMMON_TEXTS 3 /* of every record: job_id, policy, policy_digest */
#define NAME_ROOM    40 /* a word of this program's own */
#define LONGEST      6 /* bytes that one byte of a text may become */

/*
 * Every member but the texts is short; `room` is what the text that is being written may still take. Each has a share of
 * its own: whoever chooses one text must not be able to push another out of the record.
 */
struct record {
	uint32_t len, room;
	int cut;
	char text[AUDIT_RECORD];
};

static void put(struct record *record, const char *text)
{
	record->len = append(record->text, sizeof(record->text), record->len, text);
}

static void put_number(struct record *record, int64_t value, uint32_t digits)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char buffer[24], *at = buffer + sizeof(buffer) - 1;

	*at = 0;
	do
		*--at = (char)('0' + left % 10);
	while ((left /= 10) || buffer + sizeof(buffer) - 1 - at < (int)digits);
	if (value < 0)
		*--at = '-';
	put(record, at);
}

/* The length of the UTF-8 sequence that text begins with, or 0: overlong forms and surrogates are none. */
static uint32_t utf8(const unsigned char *text)
{
	uint32_t size = text[0] < 0x80 ? 1 : text[0] >= 0xf5 ? 0 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;

	if (text[0] >= 0x80 && text[0] < 0xc2)
		return 0;
	for (uint32_t i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90))
		return 0;
	return size;
}

static const char *hex_byte(char out[3], unsigned char byte)
{
	out[0] = "0123456789abcdef"[byte >> 4];
	out[1] = "0123456789abcdef"[byte & 15];
	out[2] = 0;
	return out;
}

/*
 * One character as JSON wants it. A byte that belongs to none, and the backslash itself, become \xHH in the text, so
 * that the text always is UTF-8 and its bytes can be had back: docs/audit-schema.md. Returns the bytes taken.
 */
static uint32_t escape(char out[8], const unsigned char *text)
{
	char hex[3];
	uint32_t size = utf8(text);

	hex_byte(hex, *text);
	out[0] = 0;
	if (*text == '"')
		append(out, 8, 0, "\\\"");
	else if (*text < 0x20 || *text == 0x7f)
		append(out, 8, append(out, 8, 0, "\\u00"), hex);
	else if (size == 0 || *text == '\\')
		append(out, 8, append(out, 8, 0, "\\\\x"), hex);
	else
		for (uint32_t i = 0; i < size; i++)
			out[i] = (char)text[i], out[i + 1] = 0;
	return size ? size : 1;
}

static uint32_t escaped_size(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	uint32_t total = 0;
	char one[8];

	while (at && *at) {
		at += escape(one, at);
		for (uint32_t i = 0; one[i]; i++)
			total++;
	}
	return total;
}

static void put_text(struct record *record, const char *text, char until)
{
	const unsigned char *at = (const unsigned char *)text;
	char one[8];

	put(record, "\"");
	while (*at && *at != (unsigned char)until) {
		uint32_t taken = escape(one, at), size = 0;

		while (one[size])
			size++;
		if (size > record->room) {
			record->cut = 1;
			break;
		}
		record->room -= size;
		put(record, one);
		at += taken;
	}
	put(record, "\"");
}

/* Rights and capabilities: few, and of known length. */
static void put_words(struct record *record, const char *text)
{
	const char *separator = "";

	put(record, "[");
	while (text && *text) {
		while (*text == ' ')
			text++;
		if (!*text)
			break;
		put(record, separator);
		put_text(record, text, ' ');
		separator = ",";
		while (*text && *text != ' ')
			text++;
	}
	put(record, "]");
}

static void put_value(struct record *record, enum type type, const struct audit_value *value, uint32_t share)
{
	/* this program's own words are short, and always whole */
	record->room = type == NAME || type == DECISION ? NAME_ROOM : share;
	if (type == WORDS)
		put_words(record, value ? value->text : NULL);
	else if (!value || (type != NUMBER && type != BOOL && !value->text))
		put(record, "null");
	else if (type == NUMBER)
		put_number(record, value->number, 0);
	else if (type == BOOL)
		put(record, value->number ? "true" : "false");
	else
		put_text(record, value->text, 0);
}

static void put_name(struct record *record, const char *name)
{
	put(record, record->len > 1 ? ",\"" : "\"");
	put(record, name);
	put(record, "\":");
}

/* Seconds since 1970 as a date of the proleptic Gregorian calendar; years begin in March, so that leap days are last. */
static void put_time(struct record *record, const struct k_timespec *time)
{
	int64_t days = time->sec / 86400, seconds = time->sec % 86400;
	int64_t shifted = days + 719468, era = shifted / 146097, day = shifted % 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;

	day -= 365 * year + year / 4 - year / 100;
	int64_t month = (5 * day + 2) / 153, in_month = day - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	const int64_t parts[] = {year + era * 400 + (month <= 2),
				 month,
				 in_month,
				 seconds / 3600,
				 seconds / 60 % 60,
				 seconds % 60,
				 time->nsec / 1000};
	static const char *const before[] = {"\"", "-", "-", "T", ":", ":", "."};

	for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		put(record, before[i]);
		put_number(record, parts[i], i == 0 ? 4 : i == 6 ? 6 : 2);
	}
	put(record, "Z\"");
}

static void put_common(struct record *record, const struct audit *audit, enum audit_event event,
		       const struct audit_value texts[COMMON_TEXTS], uint32_t share)
{
	struct k_timespec now = {0, 0}, mono = {0, 0};

	SYS(clock_gettime, K_CLOCK_REALTIME, &now);
	SYS(clock_gettime, K_CLOCK_MONOTONIC, &mono);
	put_name(record, "component");
	put(record, "\"llrund\"");
	put_name(record, "event");
	put_value(record, NAME, &(const struct audit_value){.text = events[event].name}, share);
	put_name(record, "timestamp");
	put_time(record, &now);
	put_name(record, "monotonic_ns");
	put_number(record, mono.sec * 1000000000 + mono.nsec, 0);
	put_name(record, "seq");
	put_number(record, (int64_t)audit->shared->seq, 0);
	put_name(record, "job_id");
	put_value(record, TEXT, &texts[0], share);
	put_name(record, "policy");
	put_value(record, TEXT, &texts[1], share);
	put_name(record, "policy_digest");
	put_value(record, TEXT, &texts[2], share);
}

/* The member as it will be written, or NULL; *there: does the record have it at all? */
static const struct audit_value *member(enum audit_event event, uint32_t field, const struct audit_value *values,
					size_t count, int *there)
{
	const struct audit_value *value = NULL;
	int number = fields[field].type == NUMBER || fields[field].type == BOOL;

	for (size_t i = 0; i < count && !value; i++)
		value = values[i].field == field ? &values[i] : NULL;
	if (value && (number ? value->number == AUDIT_NONE : !value->text))
		value = NULL;
	*there = events[event].required >> field & 1 || (events[event].optional >> field & 1 && value);
	return value;
}

/* What each text may take so that all together take no more than the room: what short ones leave is the long ones'. */
static uint32_t share_of(uint32_t room, const char *const *texts, uint32_t count)
{
	uint32_t sizes[AUDIT_FIELDS + COMMON_TEXTS], low = 0, high = room, total = 0;

	for (uint32_t i = 0; i < count; i++)
		for (const char *at = texts[i]; at && *at; at++)
			total++;
	if (total <= room / LONGEST)
		return room;
	for (uint32_t i = 0; i < count; i++)
		sizes[i] = escaped_size(texts[i]);
	while (low < high) {
		uint32_t share = (low + high + 1) / 2;

		total = 0;
		for (uint32_t i = 0; i < count; i++)
			total += sizes[i] < share ? sizes[i] : share;
		low = total <= room ? share : low;
		high = total <= room ? high : share - 1;
	}
	return low;
}

static void build(struct record *record, const struct audit *audit, enum audit_event event,
		  const struct audit_value *values, size_t count)
{
	const struct audit_value common[COMMON_TEXTS] = {
		{.text = audit->job_id}, {.text = audit->policy}, {.text = *audit->digest ? audit->digest : NULL}};
	const char *texts[AUDIT_FIELDS + COMMON_TEXTS] = {common[0].text, common[1].text, common[2].text};
	const struct audit_value *value;
	uint32_t ntexts = COMMON_TEXTS;
	int there;

	for (uint32_t f = 0; f < AUDIT_FIELDS; f++)
		if ((fields[f].type == TEXT || fields[f].type == WORDS) &&
		    (value = member(event, f, values, count, &there)) && there)
			texts[ntexts++] = value->text;
	record->len = 0;
	record->cut = 0;
	/* names, numbers, short words and punctuation of the longest event take less than what is left */
	uint32_t share = share_of(AUDIT_RECORD - 1024, texts, ntexts);
	put(record, "{");
	put_common(record, audit, event, common, share);
	for (uint32_t f = 0; f < AUDIT_FIELDS; f++) {
		value = member(event, f, values, count, &there);
		if (!there)
			continue;
		put_name(record, fields[f].name);
		put_value(record, fields[f].type, value, share);
	}
	if (record->cut) {
		put_name(record, "truncated");
		put(record, "true");
	}
	put(record, "}\n");
}

int audit_fits(const struct audit *audit, enum audit_event event, const struct audit_value *values, size_t count)
{
	struct record record;

	if (!audit)
		return 1;
	build(&record, audit, event, values, count);
	return !record.cut;
}

/* ---- writing it ---- */

/* How long a reader may take before the log counts as failed. */
#define PATIENCE 5

/*
 * A pipe that poll(2) finds writable has PIPE_BUF bytes of room (fs/pipe.c, pipe_poll(): not full), so that the write
 * does not block; of a socket or file the rest is written when it took less.
 */
static long write_all(int fd, const char *text, uint32_t len)
{
	for (uint32_t done = 0; done < len;) {
		const struct k_timespec patience = {PATIENCE, 0};
		struct k_pollfd poll = {fd, K_POLLOUT, 0};
		struct k_iovec iov = {text + done, len - done};
		struct k_msghdr message = {.iov = &iov, .niov = 1};
		long result = SYS(ppoll, &poll, 1, &patience, 0);

		if (result == 0)
			return -K_ETIMEDOUT;
		if (result > 0)
			result = SYS(sendmsg, fd, &message, K_MSG_NOSIGNAL | K_MSG_DONTWAIT);
		if (result == -K_ENOTSOCK)
			result = SYS(write, fd, text + done, len - done);
		if (result == -K_EAGAIN || result == -K_EINTR)
			continue;
		if (result <= 0)
			return result ? result : -K_EIO;
		done += (uint32_t)result;
	}
	return 0;
}

/*
 * Processes share the lock, and one may be killed while it has it: then the kernel takes it away (robust futexes,
 * Documentation/locking/robust-futexes.rst). `head` must stay where it is until unlock().
 */
static void lock(struct audit_shared *shared, struct k_robust_list_head *head)
{
	uint32_t self = (uint32_t)SYS(gettid, 0), waited = 0;

	*head = (struct k_robust_list_head){.list = (uintptr_t)head, .pending = (uintptr_t)&shared->lock};
	SYS(set_robust_list, head, sizeof(*head));
	for (;;) {
		uint32_t now = __atomic_load_n(&shared->lock, __ATOMIC_RELAXED), wait = now | K_FUTEX_WAITERS;

		if (!(now & K_FUTEX_TID_MASK)) {
			if (__sync_bool_compare_and_swap(&shared->lock, now, self | waited))
				return;
		} else if (now == wait || __sync_bool_compare_and_swap(&shared->lock, now, wait)) {
			waited = K_FUTEX_WAITERS;
			SYS(futex, &shared->lock, K_FUTEX_WAIT, wait);
		}
	}
}

static void unlock(struct audit_shared *shared)
{
	if (__atomic_exchange_n(&shared->lock, 0, __ATOMIC_SEQ_CST) & K_FUTEX_WAITERS)
		SYS(futex, &shared->lock, K_FUTEX_WAKE, 1);
	SYS(set_robust_list, 0, sizeof(struct k_robust_list_head));
}

int audit_write(struct audit *audit, enum audit_event event, const struct audit_value *values, size_t count)
{
	struct k_robust_list_head head;
	struct record record;

	if (!audit)
		return 0;
	lock(audit->shared, &head);
	if (!audit->shared->failed) {
		audit->shared->seq++;
		build(&record, audit, event, values, count);
		audit->shared->failed = (uint32_t)-write_all(audit->fd, record.text, record.len);
		/* whichever thread this is: the one that waits for signals shall look */
		if (audit->shared->failed)
			SYS(kill, SYS(getpid, 0), K_SIGCHLD);
	}
	unlock(audit->shared);
	return audit->shared->failed ? -1 : 0;
}

int audit_failed(const struct audit *audit)
{
	return audit ? (int)audit->shared->failed : 0;
}
