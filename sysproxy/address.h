/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a server listens: unix://path or tcp://a.b.c.d:port/.  Pure functions,
 * freestanding.  Neither errno numbers nor messages are decided here, because
 * server and client have different ones.
 */
#ifndef SYSPROXY_ADDRESS_H
#define SYSPROXY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_PATH_MAX 108 /* sun_path, with the NUL */

enum address_family { ADDRESS_UNIX, ADDRESS_TCP };

struct address {
	enum address_family ad_family;
	uint32_t ad_host; /* tcp: host order; 0 is any */
	uint16_t ad_port; /* tcp: host order; 0: the host chooses */
	char ad_path[ADDRESS_PATH_MAX]; /* unix: as given */
};

enum address_error {
	ADDRESS_OK,
	ADDRESS_EMPTY,    /* no URL at all: EINVAL */
	ADDRESS_NOSCHEME, /* no "://", or more than 15 characters before it:
			   * EINVAL */
	ADDRESS_UNKNOWN,  /* a scheme that is none of ours: EINVAL */
	ADDRESS_TCP6,     /* known but not supported: EOPNOTSUPP */
	ADDRESS_NOPATH,   /* unix:// and nothing: EINVAL */
	ADDRESS_TOOLONG,  /* path does not fit sun_path: ENAMETOOLONG */
	ADDRESS_HOST,     /* not dotted IPv4, not * or 0: EINVAL */
	ADDRESS_PORT,     /* no port, above 65535, or followed by something that
			   * does not begin with a slash: EINVAL */
	ADDRESS_WILDCARD  /* address_check_client(): any, or port 0: EINVAL */
};

/* *ad is written on ADDRESS_OK only. */
enum address_error address_parse(const char *url, struct address *ad);
/* A client must know whom it calls. */
enum address_error address_check_client(const struct address *ad);
/*
 * Put the directory cwd and a slash before a relative path; nothing to do for
 * absolute ones and for tcp.  ADDRESS_TOOLONG: *ad is unchanged.
 */
enum address_error address_make_absolute(struct address *ad, const char *cwd);
bool address_is_relative(const struct address *ad);

#define ADDRESS_URL_MAX (ADDRESS_PATH_MAX + 8)
/* The URL of ad, with its NUL, into a buffer of ADDRESS_URL_MAX bytes. */
void address_format(const struct address *ad, char *url);

/* What is wrong, as the end of a message: "no \"://\" in the URL". */
const char *address_strerror(enum address_error error);
/* The same as errno numbers that both systems have in common, but for two that
 * the caller names. */
int address_errno(enum address_error error, int eopnotsupp, int enametoolong);

#endif /* !SYSPROXY_ADDRESS_H */
