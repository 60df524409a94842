/* SPDX-License-Identifier: BSD-2-Clause */
/* What the environment asks of the hijack library. */
#ifndef PRELOAD_CONFIG_H
#define PRELOAD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/hijackspec.h"

#define CONFIG_MAXMOUNTS 32   /* mount points */
#define CONFIG_MAXSOURCES 256 /* with all alternatives */

/* What is spoken on the connection that RUMPKIT_KERNEL names: "NUMBER",
 * "NUMBER,classic", "NUMBER,genuine". */
enum config_kernel {
	CONFIG_KERNEL_FAST,
	CONFIG_KERNEL_CLASSIC, /* with a server of ours */
	CONFIG_KERNEL_GENUINE,
};

/* The server is lost; 0: no call works any more. */
#define CONFIG_RETRY_EVER (-1) /* look for a new one */
#define CONFIG_RETRY_ONCE (-2)
#define CONFIG_RETRY_DIE (-3) /* end the process */

/* Mounts with one path stand together and are alternatives: the first that can
 * be made is. */
struct config_mount {
	const char *cm_path;
	const char *cm_url;
};

/* RUMPKIT_DOOR is not set; says "shut". */
#define CONFIG_DOOR_NONE (-1)
#define CONFIG_DOOR_SHUT (-2)

struct config {
	struct hijackspec cf_hijack; /* RUMPHIJACK */
	unsigned cf_nmounts;         /* of cf_mounts */
	bool cf_in_process;          /* RUMPKIT_IN_PROCESS=1 */
	int cf_kernel_pid;           /* RUMPKIT_KERNEL_PID, 0 unset */
	int cf_kernel_fd;            /* RUMPKIT_KERNEL, -1 unset */
	enum config_kernel cf_kernel_kind;
	int cf_door;             /* RUMPKIT_DOOR, or CONFIG_DOOR_* */
	const char *cf_server;   /* RUMP_SERVER, NULL unset */
	int cf_retry;            /* RUMPHIJACK_RETRYCONNECT: seconds, or
				  * CONFIG_RETRY_* */
	const char *cf_libdir;   /* RUMPKIT_LIBDIR, NULL unset */
	const char *cf_log_file; /* RUMPKIT_LOG_FILE, NULL standard error */
	uint32_t cf_trace;       /* RUMPKIT_TRACE: TRACE_* of trace.h */
	bool cf_summary;         /* RUMPKIT_SUMMARY=1 */
	bool cf_quiet;           /* RUMPKIT_QUIET=1 */
	char *cf_mount_text;     /* what the mounts point into */
	struct config_mount cf_mounts[CONFIG_MAXSOURCES]; /* RUMPKIT_MOUNT */
};

extern struct config config;

struct config_error {
	const char *ce_variable;
	char ce_token[64];
	const char *ce_rule;
};

/*
 * Fill *cf from name=value strings.  Strings of envp are kept by reference,
 * apart from those that are cut up (mount_text: at least as long as
 * RUMPKIT_MOUNT with its NUL; NULL when there is none).  0, or EINVAL with *ce
 * filled.
 */
int config_parse(struct config *cf, char *const *envp, char *mount_text,
    struct config_error *ce);

/* The value of a variable in envp, or NULL. */
const char *config_getenv(char *const *envp, const char *name);

/*
 * In one pass: take the n variables of names, all of which begin with "RUMP", out
 * of envp, in place, with their values (NULL: not set); and list what else begins
 * so in ours, which has room for that many entries with the NULL behind them.
 */
void config_split(char **envp, const char *const *names, const char **values,
    size_t n, char **ours, size_t room);

/* Has the i-th of cf_mounts the path of the one before it? */
bool config_is_alternative(const struct config *cf, unsigned i);

/* Does the configuration route anything at all? */
bool config_routes(const struct config *cf);

#endif /* !PRELOAD_CONFIG_H */
