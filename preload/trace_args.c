/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of Linux's calls has a letter for each argument; here is what more
 * there is to know of some: which flags, names and structures they are.  The
 * program's memory is read with care, and what cannot be read is a pointer.
 */
#include "preload/trace_args.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "preload/call.h"
#include "preload/trace_names.h"
#include "preload/usercopy.h"

#define STRING_MAX 128 /* shown of a path or string */
#define BUFFER_MAX 32  /* shown of a buffer */

static void
put_pointer(struct text *t, long value)
{
	if (value == 0)
		text_put(t, "NULL");
	else
		text_hex(t, (uint64_t)value);
}

static void
put_string(struct text *t, long addr)
{
	char s[STRING_MAX + 2];
	size_t len = 0;

	if (addr == 0) {
		text_put(t, "NULL");
		return;
	}
	/* Byte by byte is slow, but the end of the string may be the end of
	 * the mapping, and this is a trace. */
	while (len <= STRING_MAX) {
		if (usercopy_in(&s[len], (const char *)addr + len, 1) != 0) {
			text_hex(t, (uint64_t)addr);
			return;
		}
		if (s[len] == '\0')
			break;
		len++;
	}
	text_quote(t, s, len, STRING_MAX);
}

static void
put_data(struct text *t, long addr, long len)
{
	char data[BUFFER_MAX];
	size_t n = len < BUFFER_MAX ? (size_t)len : BUFFER_MAX;

	if (addr == 0 || len < 0 ||
	    usercopy_in(data, (const void *)addr, n) != 0) {
		put_pointer(t, addr);
		return;
	}
	text_quote(t, data, n, BUFFER_MAX);
	if ((size_t)len > n)
		text_put(t, "...");
}

/* Socket addresses. */

static void
put_in(struct text *t, const struct sockaddr_in *sin)
{
	const uint8_t *b = (const uint8_t *)&sin->sin_addr;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			text_char(t, '.');
		text_udec(t, b[i]);
	}
	text_char(t, ':');
	text_udec(t, __builtin_bswap16(sin->sin_port));
}

/* All eight groups: a short form is not worth its code here. */
static void
put_in6(struct text *t, const struct sockaddr_in6 *sin6)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *b = sin6->sin6_addr.s6_addr;

	text_char(t, '[');
	for (int i = 0; i < 16; i += 2) {
		unsigned group = (unsigned)b[i] << 8 | b[i + 1];
		int shift = 12;

		if (i > 0)
			text_char(t, ':');
		while (shift > 0 && group >> shift == 0)
			shift -= 4;
		for (; shift >= 0; shift -= 4)
			text_char(t, digit[group >> shift & 0xf]);
	}
	text_put(t, "]:");
	text_udec(t, __builtin_bswap16(sin6->sin6_port));
}

static void
put_un(struct text *t, const struct sockaddr_un *sun, size_t len)
{
	size_t n = len - offsetof(struct sockaddr_un, sun_path);
	size_t end = 0;

	while (end < n && (sun->sun_path[end] != '\0' || end == 0))
		end++;
	text_quote(t, sun->sun_path, end, STRING_MAX);
}

static void
put_address(struct text *t, long addr, long len)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		char bytes[sizeof(struct sockaddr_un)];
	} u;
	size_t n = (size_t)len;

	if (addr == 0 || len < (long)sizeof(u.sa.sa_family) || n > sizeof(u) ||
	    usercopy_in(u.bytes, (const void *)addr, n) != 0) {
		put_pointer(t, addr);
		return;
	}
	text_char(t, '{');
	trace_put_name(t, trace_families, u.sa.sa_family);
	if (u.sa.sa_family == AF_INET && n >= sizeof(u.in)) {
		text_char(t, ' ');
		put_in(t, &u.in);
	} else if (u.sa.sa_family == AF_INET6 &&
		   n >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
		text_char(t, ' ');
		put_in6(t, &u.in6);
	} else if (u.sa.sa_family == AF_UNIX &&
		   n > offsetof(struct sockaddr_un, sun_path)) {
		text_char(t, ' ');
		put_un(t, &u.un, n);
	}
	text_char(t, '}');
}

/* An address whose length is behind a pointer. */
static void
put_address_at(struct text *t, long addr, long lenaddr)
{
	unsigned len;

	if (addr == 0 || lenaddr == 0 ||
	    usercopy_in(&len, (const void *)lenaddr, sizeof(len)) != 0)
		return;
	text_put(t, " => ");
	put_address(t, addr, (long)len);
}

/* Arguments that the letter of the table says too little of. */

static void
put_type(struct text *t, const struct call *c, long value)
{
	trace_put_name(t, trace_types, value & 0xf);
	if ((value & ~0xfL) != 0) {
		text_char(t, '|');
		trace_put_flags(t, NULL, trace_type_flags, value & ~0xfL);
	}
}

static void
put_protocol(struct text *t, const struct call *c, long value)
{
	if (c->arg[0] == AF_INET || c->arg[0] == AF_INET6)
		trace_put_name(t, trace_protocols, value);
	else
		text_dec(t, value);
}

static void
put_option(struct text *t, const struct call *c, long value)
{
	trace_put_name(t, trace_options((int)c->arg[1]), value);
}

static void
put_option_value(struct text *t, const struct call *c, long value)
{
	int number;

	if (c->arg[4] != sizeof(number) || value == 0 ||
	    usercopy_in(&number, (const void *)value, sizeof(number)) != 0) {
		put_pointer(t, value);
		return;
	}
	text_char(t, '[');
	text_dec(t, number);
	text_char(t, ']');
}

static void
put_message(struct text *t, const struct call *c, long value)
{
	struct msghdr m;

	if (value == 0 ||
	    usercopy_in(&m, (const void *)value, sizeof(m)) != 0) {
		put_pointer(t, value);
		return;
	}
	text_put(t, "{name=");
	if (c->nr == SYS_sendmsg)
		put_address(t, (long)m.msg_name, (long)m.msg_namelen);
	else
		put_pointer(t, (long)m.msg_name);
	text_put(t, ", buffers=");
	text_udec(t, m.msg_iovlen);
	text_put(t, ", control=");
	text_udec(t, m.msg_control != NULL ? m.msg_controllen : 0);
	text_char(t, '}');
}

static void
put_fcntl_arg(struct text *t, const struct call *c, long value)
{
	switch (c->arg[1]) {
	case F_SETFL:
		trace_put_flags(t, NULL, trace_open_flags, value);
		break;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_SETFD:
	case F_SETSIG:
	case F_SETOWN:
		text_dec(t, (int)value);
		break;
	case F_GETFD:
	case F_GETFL:
	case F_GETOWN:
	case F_GETSIG:
		text_put(t, "-");
		break;
	default:
		put_pointer(t, value);
		break;
	}
}

static void
put_open_flags(struct text *t, const struct call *c, long value)
{
	static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR",
		"O_ACCMODE" };
	const char *mode = modes[value & O_ACCMODE];

	value &= ~(long)O_ACCMODE;
	if (value == 0)
		text_put(t, mode);
	else
		trace_put_flags(t, mode, trace_open_flags, value);
}

static void
put_at_flags(struct text *t, const struct call *c, long value)
{
	if (c->nr == SYS_unlinkat && value == AT_REMOVEDIR)
		text_put(t, "AT_REMOVEDIR");
	else if (c->nr == SYS_faccessat2 && value == AT_EACCESS)
		text_put(t, "AT_EACCESS");
	else
		trace_put_flags(t, NULL, trace_at_flags, (uint32_t)value);
}

static void
put_mode_bits(struct text *t, const struct call *c, long value)
{
	if (value == 0)
		text_put(t, "F_OK");
	else
		trace_put_flags(t, NULL, trace_access_modes, value);
}

static const struct {
	short nr;
	char arg;
	bool flags; /* of names; else one of them */
	const struct trace_name *names;
	/* In place of names. */
	void (*put)(struct text *t, const struct call *c, long value);
} knowledge[] = {
	{ SYS_socket, 0, false, trace_families, NULL },
	{ SYS_socket, 1, false, NULL, put_type },
	{ SYS_socket, 2, false, NULL, put_protocol },
	{ SYS_socketpair, 0, false, trace_families, NULL },
	{ SYS_socketpair, 1, false, NULL, put_type },
	{ SYS_setsockopt, 1, false, trace_levels, NULL },
	{ SYS_setsockopt, 2, false, NULL, put_option },
	{ SYS_setsockopt, 3, false, NULL, put_option_value },
	{ SYS_getsockopt, 1, false, trace_levels, NULL },
	{ SYS_getsockopt, 2, false, NULL, put_option },
	{ SYS_sendto, 3, true, trace_msg_flags, NULL },
	{ SYS_recvfrom, 3, true, trace_msg_flags, NULL },
	{ SYS_sendmsg, 1, false, NULL, put_message },
	{ SYS_sendmsg, 2, true, trace_msg_flags, NULL },
	{ SYS_recvmsg, 1, false, NULL, put_message },
	{ SYS_recvmsg, 2, true, trace_msg_flags, NULL },
	{ SYS_sendmmsg, 3, true, trace_msg_flags, NULL },
	{ SYS_recvmmsg, 3, true, trace_msg_flags, NULL },
	{ SYS_shutdown, 1, false, trace_shutdown, NULL },
	{ SYS_accept4, 3, true, trace_type_flags, NULL },
	{ SYS_access, 1, false, NULL, put_mode_bits },
	{ SYS_faccessat, 2, false, NULL, put_mode_bits },
	{ SYS_faccessat2, 2, false, NULL, put_mode_bits },
	{ SYS_faccessat2, 3, false, NULL, put_at_flags },
	{ SYS_newfstatat, 3, false, NULL, put_at_flags },
	{ SYS_statx, 2, false, NULL, put_at_flags },
	{ SYS_unlinkat, 2, false, NULL, put_at_flags },
	{ SYS_linkat, 4, false, NULL, put_at_flags },
	{ SYS_fchownat, 4, false, NULL, put_at_flags },
	{ SYS_utimensat, 3, false, NULL, put_at_flags },
	{ SYS_execveat, 4, false, NULL, put_at_flags },
	{ SYS_renameat2, 4, true, trace_rename_flags, NULL },
	{ SYS_lseek, 2, false, trace_whence, NULL },
	{ SYS_mmap, 2, true, trace_prot, NULL },
	{ SYS_mmap, 3, true, trace_map_flags, NULL },
	{ SYS_mprotect, 2, true, trace_prot, NULL },
	{ SYS_madvise, 2, false, trace_advice, NULL },
	{ SYS_msync, 2, true, trace_msync_flags, NULL },
	{ SYS_mremap, 3, true, trace_remap_flags, NULL },
	{ SYS_fcntl, 1, false, trace_fcntl, NULL },
	{ SYS_fcntl, 2, false, NULL, put_fcntl_arg },
	{ SYS_ioctl, 1, false, trace_ioctl, NULL },
	{ SYS_epoll_ctl, 1, false, trace_epoll_ops, NULL },
	{ SYS_flock, 1, true, trace_flock, NULL },
	{ SYS_dup3, 2, true, trace_fd_flags, NULL },
};

#define NKNOWLEDGE (sizeof(knowledge) / sizeof(knowledge[0]))

static bool
put_known(struct text *t, const struct call *c, int i)
{
	for (size_t k = 0; k < NKNOWLEDGE; k++) {
		if (knowledge[k].nr != c->nr || knowledge[k].arg != i)
			continue;
		if (knowledge[k].put != NULL)
			knowledge[k].put(t, c, c->arg[i]);
		else if (knowledge[k].flags)
			trace_put_flags(
			    t, NULL, knowledge[k].names, (uint32_t)c->arg[i]);
		else
			trace_put_name(t, knowledge[k].names, (int)c->arg[i]);
		return true;
	}
	return false;
}

static bool
sends(long nr)
{
	return nr == SYS_write || nr == SYS_pwrite64 || nr == SYS_sendto;
}

/* By the letter of the table. */
static void
put_lettered(struct text *t, const struct call *c, char letter, int i)
{
	long value = c->arg[i];

	switch (letter) {
	case 'F':
	case 'f':
	case 'S':
		if (letter == 'F' && (int)value == AT_FDCWD)
			text_put(t, "AT_FDCWD");
		else
			text_dec(t, (int)value);
		break;
	case 'd':
		text_dec(t, value);
		break;
	case 's':
		put_string(t, value);
		break;
	case 'o':
		put_open_flags(t, c, (int)value);
		break;
	case 'm':
		text_oct(t, (uint32_t)value);
		break;
	case 'u':
		text_udec(t, (uint64_t)value);
		break;
	case 'x':
		text_hex(t, (uint32_t)value);
		break;
	case 'b':
		if (sends(c->nr) && i + 1 < 6) {
			put_data(t, value, c->arg[i + 1]);
			break;
		}
		put_pointer(t, value);
		break;
	case 'a':
		/* The length of one that is an input is a number. */
		if (i + 1 < 6 && linux_calls[c->nr].lc_format[i + 1] == 'u') {
			put_address(t, value, (int)c->arg[i + 1]);
			break;
		}
		put_pointer(t, value);
		break;
	default:
		put_pointer(t, value);
		break;
	}
}

void
trace_put_arguments(struct text *t, const struct call *c)
{
	const struct linux_call *lc = &linux_calls[c->nr];

	for (int i = 0; i < lc->lc_nargs && lc->lc_format[i] != '\0'; i++) {
		if (lc->lc_format[i] == '-')
			break;
		if (i > 0)
			text_put(t, ", ");
		if (!put_known(t, c, i))
			put_lettered(t, c, lc->lc_format[i], i);
	}
}

void
trace_put_outputs(struct text *t, const struct call *c, long result)
{
	if (result < 0)
		return;
	switch (c->nr) {
	case SYS_accept:
	case SYS_accept4:
	case SYS_getsockname:
	case SYS_getpeername:
		put_address_at(t, c->arg[1], c->arg[2]);
		break;
	case SYS_recvfrom:
		text_put(t, " => ");
		put_data(t, c->arg[1], result);
		put_address_at(t, c->arg[4], c->arg[5]);
		break;
	case SYS_read:
	case SYS_pread64:
		text_put(t, " => ");
		put_data(t, c->arg[1], result);
		break;
	default:
		break;
	}
}
