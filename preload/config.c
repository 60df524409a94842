/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RUMPHIJACK has its default only where nothing else says what to route: with
 * RUMPKIT_MOUNT alone just the mounts are routed, and without
 * RUMPKIT_IN_PROCESS and RUMP_SERVER the library does nothing.
 */
#include "preload/config.h"

#include <errno.h>

#include "preload/text.h"
#include "preload/trace.h"

struct config config;

/* Most variables are not ours, which shows early. */
static bool
sets(const char *entry, const char *name, size_t len)
{
	return entry[0] == name[0] && text_begins(entry, name) &&
	       entry[len] == '=';
}

const char *
config_getenv(char *const *envp, const char *name)
{
	size_t len = text_length(name);

	for (; envp != NULL && *envp != NULL; envp++) {
		if (sets(*envp, name, len))
			return *envp + len + 1;
	}
	return NULL;
}

/* The i of names that entry sets, or n. */
static size_t
name_set(const char *entry, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (sets(entry, names[i], text_length(names[i])))
			break;
	}
	return i;
}

void
config_split(char **envp, const char *const *names, const char **values,
    size_t n, char **ours, size_t room)
{
	char **to = envp;
	size_t i;

	for (i = 0; i < n; i++)
		values[i] = NULL;
	for (; envp != NULL && *envp != NULL; envp++) {
		char *entry = *envp;
		bool is_ours = entry[0] == 'R' && entry[1] == 'U' &&
			       entry[2] == 'M' && entry[3] == 'P';

		i = is_ours ? name_set(entry, names, n) : n;
		if (i < n && values[i] == NULL)
			values[i] = entry + text_length(names[i]) + 1;
		if (i < n)
			continue;
		*to++ = entry;
		if (is_ours && room > 1) {
			*ours++ = entry;
			room--;
		}
	}
	if (to != NULL)
		*to = NULL;
	*ours = NULL;
}

static bool
flag(char *const *envp, const char *name)
{
	const char *value = config_getenv(envp, name);

	return value != NULL && value[0] != '\0' && !text_equal(value, "0");
}

static int
complain(struct config_error *ce, const char *variable, const char *token,
    const char *rule)
{
	struct text t;

	ce->ce_variable = variable;
	ce->ce_rule = rule;
	text_init(&t, ce->ce_token, sizeof(ce->ce_token));
	text_put(&t, token);
	return EINVAL;
}

/* The '=' that a scheme follows; NULL if there is none. */
static char *
find_source(char *line)
{
	for (; *line != '\0'; line++) {
		const char *p = line + 1;

		if (*line != '=')
			continue;
		while (*p >= 'a' && *p <= 'z')
			p++;
		if (p > line + 1 && *p == ':')
			return line;
	}
	return NULL;
}

bool
config_is_alternative(const struct config *cf, unsigned i)
{
	return i > 0 && text_equal(cf->cf_mounts[i].cm_path,
			    cf->cf_mounts[i - 1].cm_path);
}

static unsigned
count_points(const struct config *cf)
{
	unsigned points = 0;

	for (unsigned i = 0; i < cf->cf_nmounts; i++)
		points += !config_is_alternative(cf, i);
	return points;
}

static int
parse_mount(struct config *cf, char *line, struct config_error *ce)
{
	char *source = find_source(line);

	if (source == NULL || line[0] != '/')
		return complain(ce, "RUMPKIT_MOUNT", line,
		    "lines of the form /PATH=SCHEME:...");
	if (cf->cf_nmounts == CONFIG_MAXSOURCES)
		return complain(ce, "RUMPKIT_MOUNT", line, "at most 256 lines");
	*source = '\0';
	cf->cf_mounts[cf->cf_nmounts++] =
	    (struct config_mount){ line, source + 1 };
	if (count_points(cf) > CONFIG_MAXMOUNTS)
		return complain(ce, "RUMPKIT_MOUNT", line, "at most 32 mounts");
	return 0;
}

static int
parse_mounts(struct config *cf, char *text, struct config_error *ce)
{
	char *next;
	int error;

	for (char *line = text; line != NULL; line = next) {
		next = NULL;
		for (char *p = line; *p != '\0'; p++) {
			if (*p == '\n') {
				*p = '\0';
				next = p + 1;
				break;
			}
		}
		if (*line == '\0')
			continue;
		error = parse_mount(cf, line, ce);
		if (error != 0)
			return error;
	}
	return 0;
}

static int
parse_number(const char *s)
{
	int n = 0;

	while (s != NULL && *s >= '0' && *s <= '9' && n < 100000000)
		n = n * 10 + (*s++ - '0');
	return n;
}

/* As the genuine library reads it. */
static int
parse_retry(struct config *cf, char *const *envp, struct config_error *ce)
{
	static const struct {
		const char *word;
		int value;
	} words[] = {
		{ "die", CONFIG_RETRY_DIE },
		{ "inftime", CONFIG_RETRY_EVER },
		{ "once", CONFIG_RETRY_ONCE },
	};
	const char *retry = config_getenv(envp, "RUMPHIJACK_RETRYCONNECT");
	const char *p = retry;

	cf->cf_retry = 0;
	if (retry == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text_equal(retry, words[i].word)) {
			cf->cf_retry = words[i].value;
			return 0;
		}
	}
	while (*p >= '0' && *p <= '9')
		p++;
	cf->cf_retry = parse_number(retry);
	if (*p != '\0' || cf->cf_retry == 0)
		return complain(ce, "RUMPHIJACK_RETRYCONNECT", retry,
		    "die, inftime, once, or seconds");
	return 0;
}

/* A descriptor's number, or -1, and what is spoken on it. */
static int
parse_connection(const char *s, enum config_kernel *kind)
{
	static const char *const kinds[] = {
		[CONFIG_KERNEL_FAST] = "",
		[CONFIG_KERNEL_CLASSIC] = ",classic",
		[CONFIG_KERNEL_GENUINE] = ",genuine",
	};
	const char *p = s;

	*kind = CONFIG_KERNEL_FAST;
	while (p != NULL && *p >= '0' && *p <= '9')
		p++;
	for (size_t i = 0; p != s && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!text_equal(p, kinds[i]))
			continue;
		*kind = (enum config_kernel)i;
		return parse_number(s);
	}
	return -1;
}

static int
parse_door(const char *s)
{
	const char *p = s;

	if (s != NULL && text_equal(s, "shut"))
		return CONFIG_DOOR_SHUT;
	while (p != NULL && *p >= '0' && *p <= '9')
		p++;
	return p == s || *p != '\0' ? CONFIG_DOOR_NONE : parse_number(s);
}

static int
parse_hijack(struct config *cf, char *const *envp, struct config_error *ce)
{
	const char *spec = config_getenv(envp, "RUMPHIJACK");
	struct hijackspec_error he;
	int error;

	if (spec == NULL && (cf->cf_nmounts != 0 ||
				(!cf->cf_in_process && cf->cf_server == NULL &&
				    cf->cf_kernel_fd < 0)))
		spec = "";
	error = hijackspec_parse(spec, &cf->cf_hijack, &he);
	if (error != 0)
		return complain(ce, "RUMPHIJACK", he.he_token, he.he_rule);
	return 0;
}

/*
 * RUMPKIT_NET=host: leave sockets alone, whatever RUMPHIJACK's default says;
 * RUMPKIT_NET=sockin: internet sockets, whatever RUMPHIJACK says.
 */
static int
parse_net(struct config *cf, char *const *envp, struct config_error *ce)
{
	const char *net = config_getenv(envp, "RUMPKIT_NET");

	if (net == NULL || *net == '\0')
		return 0;
	if (text_equal(net, "sockin"))
		cf->cf_hijack.hs_sockets |= HS_INTERNET;
	else if (!text_equal(net, "host"))
		return complain(ce, "RUMPKIT_NET", net, "host or sockin");
	else if (config_getenv(envp, "RUMPHIJACK") == NULL)
		cf->cf_hijack.hs_sockets = 0;
	return 0;
}

int
config_parse(struct config *cf, char *const *envp, char *mount_text,
    struct config_error *ce)
{
	const char *trace = config_getenv(envp, "RUMPKIT_TRACE");
	const char *bad;
	int error;

	cf->cf_in_process = flag(envp, "RUMPKIT_IN_PROCESS");
	cf->cf_summary = flag(envp, "RUMPKIT_SUMMARY");
	cf->cf_quiet = flag(envp, "RUMPKIT_QUIET");
	cf->cf_kernel_pid =
	    parse_number(config_getenv(envp, "RUMPKIT_KERNEL_PID"));
	cf->cf_kernel_fd = parse_connection(
	    config_getenv(envp, "RUMPKIT_KERNEL"), &cf->cf_kernel_kind);
	cf->cf_door = parse_door(config_getenv(envp, "RUMPKIT_DOOR"));
	cf->cf_server = config_getenv(envp, "RUMP_SERVER");
	cf->cf_libdir = config_getenv(envp, "RUMPKIT_LIBDIR");
	cf->cf_log_file = config_getenv(envp, "RUMPKIT_LOG_FILE");
	cf->cf_mount_text = mount_text;
	if (mount_text != NULL) {
		error = parse_mounts(cf, mount_text, ce);
		if (error != 0)
			return error;
	}
	if (trace != NULL && !trace_parse(trace, &cf->cf_trace, &bad))
		return complain(ce, "RUMPKIT_TRACE", bad,
		    "1, or classes out of " TRACE_CLASS_NAMES);
	error = parse_hijack(cf, envp, ce);
	if (error == 0)
		error = parse_net(cf, envp, ce);
	return error != 0 ? error : parse_retry(cf, envp, ce);
}

bool
config_routes(const struct config *cf)
{
	const struct hijackspec *hs = &cf->cf_hijack;

	return cf->cf_nmounts != 0 || hs->hs_sockets != 0 ||
	       hs->hs_path != NULL || hs->hs_nblankets != 0;
}
