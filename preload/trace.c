/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line is built on the stack and written with one write(2), so that lines of
 * several threads do not mix.  The log file is opened once in each process; its
 * descriptor is hidden from the program.  Without a log file it is a duplicate
 * of standard error as it was at the start, since programs close theirs before
 * they leave, or give its number to another file.
 *
 * A program of another user's may not be able to open the file: the kernel's
 * server writes its lines then, which knows the file, too.
 */
#include "preload/trace.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/engine/engine.h"
#include "preload/hidden.h"
#include "preload/remote.h"
#include "preload/text.h"
#include "preload/trace_args.h"
#include "rump/rumperr.h"

#define LINE_SIZE 2048

static atomic_int log_fd = -1;
static long own_pid;   /* log_fd is the file of this process; 0: of all */
static bool by_server; /* lines go to the server */
static long own_pid;   /* log_fd is the file of this process; 0: of all */

static const struct {
	const char *name;
	uint32_t bits;
} classes_by_name[] = {
	{ "path", TRACE_PATH },
	{ "fd", TRACE_FD },
	{ "socket", TRACE_SOCKET },
	{ "readiness", TRACE_READINESS },
	{ "memory", TRACE_MEMORY },
	{ "process", TRACE_PROCESS },
	{ "refused", TRACE_REFUSED },
	{ "host", TRACE_HOST },
	{ "all", TRACE_ALL },
	{ "1", TRACE_ALL },
};

#define NCLASSES (sizeof(classes_by_name) / sizeof(classes_by_name[0]))

static bool
class_bits(const char *name, size_t len, uint32_t *bits)
{
	for (size_t i = 0; i < NCLASSES; i++) {
		if (text_length(classes_by_name[i].name) == len &&
		    text_begins(name, classes_by_name[i].name)) {
			*bits |= classes_by_name[i].bits;
			return true;
		}
	}
	return false;
}

bool
trace_parse(const char *spec, uint32_t *classes, const char **bad)
{
	uint32_t bits = 0;
	const char *p = spec;

	if (*spec == '\0') {
		*classes = TRACE_ALL;
		return true;
	}
	if (text_equal(spec, "0")) {
		*classes = 0;
		return true;
	}
	for (;;) {
		size_t len = 0;

		while (p[len] != '\0' && p[len] != ',')
			len++;
		if (!class_bits(p, len, &bits)) {
			*bad = p;
			return false;
		}
		if (p[len] == '\0')
			break;
		p += len + 1;
	}
	*classes = bits;
	return true;
}

static bool
has_log_file(void)
{
	return config.cf_log_file != NULL && *config.cf_log_file != '\0';
}

/* The name of this process's log file.  Has it one of its own? */
static bool
name_log(struct text *t)
{
	bool own = false;

	for (const char *p = config.cf_log_file; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 'p') {
			text_dec(t, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
			own = true;
			p++;
		} else {
			text_char(t, *p);
		}
	}
	return own;
}

/* Names with process ids can be guessed, and be links of somebody else's. */
static long
open_log(bool *own)
{
	char path[4096];
	struct text t;

	text_init(&t, path, sizeof(path));
	*own = name_log(&t);
	return HOST(SYS_open, path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (*own ? O_NOFOLLOW : 0),
	    0666, 0, 0, 0);
}

bool
trace_init(void)
{
	bool own = false;
	long fd;

	if (config.cf_trace == 0 && !config.cf_summary)
		return true;
	fd = has_log_file() ? open_log(&own) : HOST(SYS_dup, 2, 0, 0, 0, 0, 0);
	own_pid = own ? HOST(SYS_getpid, 0, 0, 0, 0, 0, 0) : 0;
	if (fd >= 0)
		fd = hidden_keep((int)fd, &log_fd);
	by_server = fd < 0 && has_log_file() && !config.cf_in_process;
	/* Without standard error there is nobody to read it. */
	return fd >= 0 || by_server || !has_log_file();
}

void
trace_forked(void)
{
	if (own_pid == 0 || log_fd < 0)
		return;
	hidden_forget(log_fd);
	HOST(SYS_close, log_fd, 0, 0, 0, 0, 0);
	log_fd = -1;
	(void)trace_init();
}

void
trace_arguments(const struct call *c, char *buf, unsigned long size)
{
	struct text t;

	text_init(&t, buf, size);
	trace_put_arguments(&t, c);
}

static void
put_result(struct text *t, long result)
{
	const char *name = NULL;

	if (result == CALL_RESTART) {
		text_put(t, "? ERESTARTSYS");
		return;
	}
	if (result < 0 && result > -4096)
		name = abi_errno_name((int)-result);
	if (name != NULL) {
		text_put(t, "-1 ");
		text_put(t, name);
		return;
	}
	if (result < -4096 || result > 0x7fffffff)
		text_hex(t, (uint64_t)result);
	else
		text_dec(t, result);
}

/* The server puts the process id in front itself. */
static void
send_line(const struct text *t)
{
	size_t skip = 0;
	int error;

	while (t->t_buf[skip++] != ' ')
		continue;
	error = remote_log(t->t_buf + skip, t->t_len - skip);
	if (error == 0)
		return;
	by_server = false;
	engine_say("%s cannot be opened by process %ld, nor by the server of "
		   "the kernel (%s): its trace ends here",
	    config.cf_log_file, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
	    rump_strerror(error));
}

/* A vfork child has its parent's variables. */
static bool
write_own(const struct text *t)
{
	bool own;
	long fd = open_log(&own);

	if (fd < 0)
		return false;
	HOST(SYS_write, fd, t->t_buf, t->t_len, 0, 0, 0);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return true;
}

static void
write_line(struct text *t)
{
	if (own_pid != 0 && own_pid != HOST(SYS_getpid, 0, 0, 0, 0, 0, 0) &&
	    write_own(t))
		return;
	if (log_fd >= 0)
		HOST(SYS_write, log_fd, t->t_buf, t->t_len, 0, 0, 0);
	else if (by_server)
		send_line(t);
}

void
trace_call(const struct call *c, const char *arguments, long result,
    const char *where, const char *rule, const char *note)
{
	char line[LINE_SIZE];
	struct text t;

	/* One byte is kept for the newline of a line that is cut off. */
	text_init(&t, line, sizeof(line) - 1);
	text_dec(&t, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
	text_char(&t, ' ');
	text_put(&t, linux_calls[c->nr].lc_name);
	text_char(&t, '(');
	text_put(&t, arguments);
	text_put(&t, ") = ");
	put_result(&t, result);
	trace_put_outputs(&t, c, result);
	text_put(&t, " <");
	text_put(&t, where);
	if (rule != NULL) {
		text_char(&t, ':');
		text_put(&t, rule);
	}
	text_char(&t, '>');
	if (note != NULL) {
		text_put(&t, " (");
		text_put(&t, note);
		text_char(&t, ')');
	}
	t.t_size++;
	text_char(&t, '\n');
	write_line(&t);
}

void
trace_line(const char *s)
{
	char line[LINE_SIZE];
	struct text t;

	text_init(&t, line, sizeof(line) - 1);
	text_dec(&t, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
	text_char(&t, ' ');
	text_put(&t, s);
	t.t_size++;
	text_char(&t, '\n');
	write_line(&t);
}

uint32_t
trace_class(const struct call *c)
{
	long nr = c->nr;

	if ((nr >= SYS_socket && nr <= SYS_getsockopt) || nr == SYS_accept4 ||
	    nr == SYS_recvmmsg || nr == SYS_sendmmsg)
		return TRACE_SOCKET;
	switch (linux_calls[nr].lc_class) {
	case CALL_PATH:
		return TRACE_PATH;
	case CALL_READINESS:
		return TRACE_READINESS;
	case CALL_MEMORY:
		return TRACE_MEMORY;
	case CALL_REFUSED:
		return TRACE_REFUSED;
	case CALL_FD:
	case CALL_CREATE:
		return TRACE_FD;
	case CALL_BOTH:
		return linux_calls[nr].lc_fd >= 0 ? TRACE_FD : TRACE_PROCESS;
	default:
		return TRACE_PROCESS;
	}
}

bool
trace_wants(const struct call *c, bool rump, bool refused)
{
	if (refused && (config.cf_trace & TRACE_REFUSED) != 0)
		return true;
	if (!rump && (config.cf_trace & TRACE_HOST) == 0)
		return false;
	return (config.cf_trace & (trace_class(c) | (rump ? 0 : TRACE_HOST))) !=
	       0;
}
