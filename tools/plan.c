/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything about options that can be wrong is found here, before a start. */
#include "tools/plan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/config.h"
#include "preload/trace.h"
#include "tools/serverurl.h"

static int __attribute__((__format__(__printf__, 2, 3)))
fail(struct plan *pl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(pl->pl_error, sizeof(pl->pl_error), fmt, ap);
	va_end(ap);
	return -1;
}

/* The latest mount has a path that an earlier one has. */
static bool
mounted_twice(const struct plan *pl)
{
	const struct mountarg *last = &pl->pl_mounts[pl->pl_nmounts - 1];
	const struct mountarg *ma;

	for (ma = pl->pl_mounts; ma < last; ma++) {
		if (strcmp(ma->ma_path, last->ma_path) == 0)
			return true;
	}
	return false;
}

static int
plan_mount_add(struct plan *pl, const char *arg)
{
	char text[sizeof(pl->pl_error) - 16];
	struct mountarg *ma = &pl->pl_mounts[pl->pl_nmounts];

	if (mountarg_parse(arg, ma, text, sizeof(text)) != 0)
		return fail(pl, "--mount: %s", text);
	pl->pl_nmounts++;
	if (mounted_twice(pl))
		return fail(pl,
		    "--mount: %s is given twice; a path takes one mount",
		    ma->ma_path);
	return 0;
}

static int
plan_mounts(struct plan *pl, const struct option_values *ov)
{
	size_t i;

	if (ov->ov_count > CONFIG_MAXMOUNTS)
		return fail(pl, "--mount: at most %d mounts", CONFIG_MAXMOUNTS);
	pl->pl_mounts = calloc(ov->ov_count, sizeof(*pl->pl_mounts));
	if (pl->pl_mounts == NULL && ov->ov_count != 0)
		return fail(pl, "out of memory");
	for (i = 0; i < ov->ov_count; i++) {
		if (plan_mount_add(pl, ov->ov_value[i]) != 0)
			return -1;
	}
	return 0;
}

/* Is the word one of the space-separated names that the tracer knows? */
static bool
trace_class_known(const char *word, size_t len)
{
	const char *name = TRACE_CLASS_NAMES;
	size_t n;

	for (; *name != '\0'; name += n) {
		name += strspn(name, " ");
		n = strcspn(name, " ");
		if (n == len && memcmp(name, word, n) == 0)
			return true;
	}
	return false;
}

static int
plan_trace(struct plan *pl, const char *trace)
{
	size_t len;

	pl->pl_trace = trace;
	if (trace == NULL || *trace == '\0')
		return 0;
	for (;; trace += len + 1) {
		len = strcspn(trace, ",");
		if (!trace_class_known(trace, len))
			return fail(pl,
			    "--trace: no such class '%.*s'; there are %s",
			    (int)len, trace, TRACE_CLASS_NAMES);
		if (trace[len] == '\0')
			return 0;
	}
}

/* Networks of later versions, by the scheme or the word. */
static const char *const later_networks[] = {
	"tap:", "shmif:", "unix:", "wg:"
};

static int
plan_net(struct plan *pl, const char *net)
{
	size_t i;

	pl->pl_net = net != NULL ? net : "host";
	if (strcmp(pl->pl_net, "sockin") == 0)
		pl->pl_spec.hs_sockets |= HS_INTERNET;
	if (strcmp(pl->pl_net, "sockin") == 0 ||
	    strcmp(pl->pl_net, "host") == 0)
		return 0;
	for (i = 0; i < sizeof(later_networks) / sizeof(later_networks[0]);
	     i++) {
		if (strncmp(
			net, later_networks[i], strlen(later_networks[i])) == 0)
			return fail(pl,
			    "--net: '%s' is not there yet; there are host and"
			    " sockin",
			    net);
	}
	return fail(pl,
	    "--net: '%s' is no network; there are host, which leaves internet"
	    " sockets alone, and sockin, whose sockets ride on the host's",
	    net);
}

/*
 * The absolute name of a file that an option names, since not everybody who
 * opens it is in this directory; NULL for NULL.
 */
static int
plan_file(struct plan *pl, const char *option, const char *name, char **result)
{
	char *cwd;
	int n;

	if (name == NULL)
		return 0;
	if (*name == '\0')
		return fail(pl, "%s: '' is no name of a file", option);
	cwd = *name != '/' ? get_current_dir_name() : NULL;
	if (*name != '/' && cwd == NULL)
		return fail(pl, "%s: %s: the working directory has no name",
		    option, name);
	n = asprintf(result, "%s%s%s", cwd != NULL ? cwd : "",
	    cwd != NULL ? "/" : "", name);
	free(cwd);
	if (n >= 0)
		return 0;
	*result = NULL;
	return fail(pl, "out of memory");
}

/* anybody: whoever comes may have rump sockets. */
static int
plan_pcap(struct plan *pl, const char *pcap, bool anybody)
{
	if (pcap == NULL)
		return 0;
	if (*pcap != '\0' && !anybody &&
	    (pl->pl_spec.hs_sockets & HS_INTERNET) == 0)
		return fail(pl,
		    "--pcap: nothing would be captured, since no socket of the"
		    " program is a rump socket; add --net sockin");
	return plan_file(pl, "--pcap", pcap, &pl->pl_pcap);
}

/* Where the files of a server's kernel are if nobody says so. */
#define JOINED_DEFAULT "path=/rump"

static int
plan_hijack(struct plan *pl, const char *option, bool mounts)
{
	const char *name = option != NULL ? "--hijack" : "RUMPHIJACK";
	const char *spec = option != NULL ? option : getenv("RUMPHIJACK");
	struct hijackspec_error he;

	if (spec == NULL)
		spec = pl->pl_kernel == PLAN_JOINED && !mounts ? JOINED_DEFAULT
							       : "";
	pl->pl_hijack = spec;
	if (strlen(pl->pl_hijack) >= HIJACKSPEC_MAX)
		return fail(pl, "%s: must be shorter than %d characters", name,
		    HIJACKSPEC_MAX);
	if (hijackspec_parse(pl->pl_hijack, &pl->pl_spec, &he) != 0)
		return fail(pl, "%s: '%s' does not follow the rule: %s", name,
		    he.he_token, he.he_rule);
	return 0;
}

static int
plan_kernel(struct plan *pl, const struct options *op)
{
	const char *url = options_value(op, OPTION_SERVER);
	char text[sizeof(pl->pl_error)];

	if (options_flag(op, OPTION_IN_PROCESS) && url != NULL)
		return fail(pl,
		    "--in-process and --server: the kernel is either here or"
		    " there; give one of them");
	if (options_flag(op, OPTION_IN_PROCESS)) {
		pl->pl_kernel = PLAN_IN_PROCESS;
		return 0;
	}
	if (url == NULL && getenv("RUMP_SERVER") == NULL)
		return 0;
	pl->pl_kernel = PLAN_JOINED;
	if (serverurl_client(url, pl->pl_server, text, sizeof(text)) != 0)
		return fail(pl, "%s", text);
	return 0;
}

int
plan_init(struct plan *pl, const struct options *op)
{
	bool routes = (op->op_allowed & OPTION_BIT(OPTION_HIJACK)) != 0;

	memset(pl, 0, sizeof(*pl));
	if (routes && (plan_kernel(pl, op) != 0 ||
			  plan_hijack(pl, options_value(op, OPTION_HIJACK),
			      options_value(op, OPTION_MOUNT) != NULL) != 0 ||
			  plan_net(pl, options_value(op, OPTION_NET)) != 0))
		return -1;
	if (plan_file(pl, "--log-file", options_value(op, OPTION_LOG_FILE),
		&pl->pl_log_file) != 0)
		return -1;
	if (plan_pcap(pl, options_value(op, OPTION_PCAP), !routes) != 0 ||
	    plan_trace(pl, options_value(op, OPTION_TRACE)) != 0)
		return -1;
	return plan_mounts(pl, &op->op_values[OPTION_MOUNT]);
}

void
plan_fini(struct plan *pl)
{
	size_t i;

	for (i = 0; i < pl->pl_nmounts; i++)
		mountarg_fini(&pl->pl_mounts[i]);
	free(pl->pl_mounts);
	free(pl->pl_pcap);
	free(pl->pl_log_file);
}

bool
plan_routes(const struct plan *pl)
{
	const struct hijackspec *hs = &pl->pl_spec;

	return pl->pl_nmounts != 0 || hs->hs_sockets != 0 ||
	       hs->hs_path != NULL || hs->hs_nblankets != 0;
}

int
plan_resolve(struct plan *pl)
{
	char text[sizeof(pl->pl_error) - 16];
	size_t i;

	for (i = 0; i < pl->pl_nmounts; i++) {
		if (mountarg_resolve(&pl->pl_mounts[i], text, sizeof(text)) !=
		    0)
			return fail(pl, "--mount: %s", text);
	}
	return 0;
}

char *
plan_mount_lines(const struct plan *pl)
{
	const struct mountarg *ma;
	size_t i, j, size = 1;
	char *lines, *p;

	for (i = 0; i < pl->pl_nmounts; i++) {
		ma = &pl->pl_mounts[i];
		for (j = 0; j < ma->ma_nurls; j++)
			size +=
			    strlen(ma->ma_path) + strlen(ma->ma_urls[j]) + 2;
	}
	lines = p = malloc(size);
	if (lines == NULL)
		return NULL;
	*p = '\0';
	for (i = 0; i < pl->pl_nmounts; i++) {
		ma = &pl->pl_mounts[i];
		for (j = 0; j < ma->ma_nurls; j++)
			p += sprintf(p, "%s%s=%s", p != lines ? "\n" : "",
			    ma->ma_path, ma->ma_urls[j]);
	}
	return lines;
}
