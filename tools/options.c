/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table says everything about an option: how it is spelt, what its value
 * is and what the help says.  The command line is read first and the
 * environment fills in what is missing, so that a value's origin never has to
 * be remembered.
 */
#include "tools/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum option_kind { KIND_FLAG, KIND_VALUE, KIND_OPTIONAL };

struct option_spec {
	const char *os_name;
	char os_letter; /* 0 none */
	enum option_kind os_kind;
	bool os_repeat;
	bool os_alone;        /* of the command line only */
	const char *os_value; /* what the value is */
	const char *os_help;  /* NULL: known to be refused */
};

static const struct option_spec specs[] = {
	[OPTION_IN_PROCESS] = { "in-process", 0, KIND_FLAG, false, false, NULL,
	    "the kernel lives in the command's own process" },
	[OPTION_SERVER] = { "server", 0, KIND_VALUE, false, false, "URL",
	    "the kernel of the server that listens there" },
	[OPTION_MOUNT] = { "mount", 0, KIND_VALUE, true, false, "PATH=SOURCE",
	    "nfs://host/export, tmpfs: or kernfs: at PATH" },
	[OPTION_NET] = { "net", 0, KIND_VALUE, false, false, "SPEC",
	    "internet sockets: host (default) or sockin" },
	[OPTION_HIJACK] = { "hijack", 0, KIND_VALUE, false, false, "SPEC",
	    "what else to hijack, in the words of RUMPHIJACK" },
	[OPTION_PCAP] = { "pcap", 0, KIND_VALUE, false, false, "FILE",
	    "record what is sent and received on rump sockets" },
	[OPTION_TRACE] = { "trace", 0, KIND_OPTIONAL, false, false, "CLASS,...",
	    "a line for each routed call, on standard error" },
	[OPTION_LOG_FILE] = { "log-file", 0, KIND_VALUE, false, false, "FILE",
	    "put the trace into FILE; %p in it is the process id" },
	[OPTION_SUMMARY] = { "summary", 0, KIND_FLAG, false, false, NULL,
	    "at exit, count calls and bytes, and list sockets" },
	[OPTION_FOREGROUND] = { "foreground", 's', KIND_FLAG, false, false,
	    NULL, "do not go into the background" },
	[OPTION_NCPU] = { "ncpu", 'c', KIND_VALUE, false, false, "NUMBER",
	    "how many processors the kernel has (RUMP_NCPU)" },
	[OPTION_MEMORY] = { "memory", 'r', KIND_VALUE, false, false, "SIZE",
	    "how much memory it may use (RUMP_MEMLIMIT)" },
	[OPTION_LIBRARY] = { "library", 'l', KIND_VALUE, true, false, "NAME",
	    "load another component" },
	[OPTION_DRIVE] = { "drive", 'd', KIND_VALUE, true, false, "SPEC",
	    "have a host file as a disk" },
	[OPTION_MODULE] = { "module", 'm', KIND_VALUE, true, false, "FILE",
	    NULL },
	[OPTION_PID_FILE] = { "pid-file", 0, KIND_VALUE, false, false, "FILE",
	    "put the server's process id into FILE" },
	[OPTION_ALL_USERS] = { "all-users", 0, KIND_FLAG, false, false, NULL,
	    "let other users in, each as who he is" },
	[OPTION_INSECURE_TCP] = { "insecure-tcp", 0, KIND_FLAG, false, false,
	    NULL, "listen at tcp://, where nobody proves who he is" },
	[OPTION_CONFIG] = { "config", 0, KIND_VALUE, false, false, "FILE",
	    "more options, a line each, without dashes" },
	[OPTION_CHECK] = { "check", 0, KIND_FLAG, false, false, NULL,
	    "start nothing; say what would be done" },
	[OPTION_VERBOSE] = { "verbose", 'v', KIND_FLAG, false, false, NULL,
	    "say more" },
	[OPTION_QUIET] = { "quiet", 'q', KIND_FLAG, false, false, NULL,
	    "say nothing but errors" },
	[OPTION_HELP] = { "help", 'h', KIND_FLAG, false, true, NULL,
	    "this text" },
	[OPTION_VERSION] = { "version", 'V', KIND_FLAG, false, true, NULL,
	    "the version" },
};
_Static_assert(sizeof(specs) / sizeof(specs[0]) == OPTION_MAX, "options");

static int __attribute__((__format__(__printf__, 2, 3)))
options_fail(struct options *op, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(op->op_error, sizeof(op->op_error), fmt, ap);
	va_end(ap);
	return -1;
}

static int
options_add(struct options *op, enum option_id id, const char *value)
{
	struct option_values *ov = &op->op_values[id];
	const char **grown;

	grown = realloc(ov->ov_value, (ov->ov_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return options_fail(op, "out of memory");
	grown[ov->ov_count++] = value;
	ov->ov_value = grown;
	op->op_settled |= OPTION_BIT(id);
	return 0;
}

void
options_init(struct options *op, unsigned allowed)
{
	memset(op, 0, sizeof(*op));
	op->op_allowed = allowed;
}

void
options_fini(struct options *op)
{
	int id;

	for (id = 0; id < OPTION_MAX; id++) {
		free(op->op_values[id].ov_value);
		free(op->op_copies[id]);
	}
	free(op->op_file);
}

bool
options_flag(const struct options *op, enum option_id id)
{
	return op->op_values[id].ov_count != 0;
}

const char *
options_value(const struct options *op, enum option_id id)
{
	const struct option_values *ov = &op->op_values[id];

	return ov->ov_count == 0 ? NULL : ov->ov_value[ov->ov_count - 1];
}

/* The option of this name among those allowed, or OPTION_MAX. */
static enum option_id
option_by_name(const struct options *op, const char *name, size_t len)
{
	int id;

	for (id = 0; id < OPTION_MAX; id++) {
		if ((op->op_allowed & OPTION_BIT(id)) != 0 &&
		    strlen(specs[id].os_name) == len &&
		    memcmp(specs[id].os_name, name, len) == 0)
			break;
	}
	return id;
}

static enum option_id
option_by_letter(const struct options *op, char letter)
{
	int id;

	for (id = 0; id < OPTION_MAX; id++) {
		if ((op->op_allowed & OPTION_BIT(id)) != 0 &&
		    specs[id].os_letter == letter)
			break;
	}
	return id;
}

/* How many leading letters two names share. */
static size_t
common_prefix(const char *a, const char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len && b[i] != '\0' && a[i] == b[i]; i++)
		continue;
	return i;
}

/* The name among those in set that shares most with word, or NULL. */
static const char *
probably_meant(unsigned set, const char *word, size_t len)
{
	const char *meant = NULL;
	size_t best = 0, shared;
	int id;

	for (id = 0; id < OPTION_MAX; id++) {
		shared = common_prefix(word, specs[id].os_name, len);
		if ((set & OPTION_BIT(id)) != 0 && shared > best) {
			best = shared;
			meant = specs[id].os_name;
		}
	}
	return meant;
}

static int
options_unknown(struct options *op, const char *word, size_t len)
{
	const char *meant = probably_meant(op->op_allowed, word, len);

	if (meant == NULL)
		return options_fail(op,
		    "--%.*s: no such option; rumpkit --help lists them",
		    (int)len, word);
	return options_fail(op, "--%.*s: no such option; did you mean --%s?",
	    (int)len, word, meant);
}

/*
 * A long option, without its dashes; next is the argument behind it or NULL.
 * Returns how many arguments it took, or -1.
 */
static int
options_long(struct options *op, const char *word, const char *next)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	enum option_id id = option_by_name(op, word, len);
	const struct option_spec *os = &specs[id];
	int took = 2;

	if (id == OPTION_MAX)
		return options_unknown(op, word, len);
	if (os->os_kind == KIND_FLAG && equals != NULL)
		return options_fail(op, "--%s: takes no value", word);
	if (os->os_kind != KIND_VALUE || equals != NULL) {
		next = equals != NULL ? equals + 1 : "";
		took = 1;
	}
	if (next == NULL)
		return options_fail(op, "--%s: needs a value: --%s %s",
		    os->os_name, os->os_name, os->os_value);
	return options_add(op, id, next) == 0 ? took : -1;
}

static int
letter_unknown(struct options *op, char letter)
{
	char known[2 * OPTION_MAX + 1];
	size_t used = 0;
	int id;

	for (id = 0; id < OPTION_MAX; id++) {
		if ((op->op_allowed & OPTION_BIT(id)) == 0 ||
		    specs[id].os_letter == 0)
			continue;
		known[used++] = ' ';
		known[used++] = specs[id].os_letter;
	}
	known[used] = '\0';
	return options_fail(
	    op, "-%c: no such option; the short ones are%s", letter, known);
}

/* The value of a letter: the rest of its word, or the next one.  Returns how
 * many arguments that took, or -1. */
static int
letter_value(
    struct options *op, enum option_id id, const char *rest, const char *next)
{
	if (*rest != '\0')
		return options_add(op, id, rest) == 0 ? 1 : -1;
	if (next == NULL)
		return options_fail(op, "-%c: needs a value: -%c %s",
		    specs[id].os_letter, specs[id].os_letter,
		    specs[id].os_value);
	return options_add(op, id, next) == 0 ? 2 : -1;
}

/* next is the argument behind or NULL; returns how many arguments they took. */
static int
options_letters(struct options *op, const char *letters, const char *next)
{
	enum option_id id;

	for (; *letters != '\0'; letters++) {
		id = option_by_letter(op, *letters);
		if (id == OPTION_MAX)
			return letter_unknown(op, *letters);
		if (specs[id].os_kind == KIND_VALUE)
			return letter_value(op, id, letters + 1, next);
		if (options_add(op, id, "") != 0)
			return -1;
	}
	return 1;
}

int
options_parse(struct options *op, int argc, char **argv)
{
	const char *word;
	int i, took;

	for (i = 1; i < argc; i += took) {
		word = argv[i];
		if (word[0] != '-' || word[1] == '\0')
			return i;
		if (strcmp(word, "--") == 0)
			return i + 1;
		if (word[1] == '-')
			took = options_long(
			    op, word + 2, i + 1 < argc ? argv[i + 1] : NULL);
		else
			took = options_letters(
			    op, word + 1, i + 1 < argc ? argv[i + 1] : NULL);
		if (took < 0)
			return -1;
	}
	return argc;
}

/* RUMPKIT_LOG_FILE of log-file. */
static void
variable_name(const struct option_spec *os, char *buf, size_t size)
{
	char *p;

	snprintf(buf, size, "RUMPKIT_%s", os->os_name);
	for (p = buf; *p != '\0'; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static int
environ_flag(
    struct options *op, enum option_id id, const char *name, const char *value)
{
	if (strcmp(value, "1") == 0)
		return options_add(op, id, "");
	if (*value == '\0' || strcmp(value, "0") == 0)
		return 0;
	return options_fail(op, "%s=%s: must be 1 or 0", name, value);
}

static int
environ_lines(struct options *op, enum option_id id, const char *value)
{
	char *line, *rest;

	rest = op->op_copies[id] = strdup(value);
	if (rest == NULL)
		return options_fail(op, "out of memory");
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line != '\0' && options_add(op, id, line) != 0)
			return -1;
	}
	return 0;
}

/* A variable that says "no trace" says so with "0" or nothing. */
static int
environ_optional(struct options *op, enum option_id id, const char *value)
{
	if (*value == '\0' || strcmp(value, "0") == 0)
		return 0;
	return options_add(op, id, strcmp(value, "1") == 0 ? "" : value);
}

int
options_environ(struct options *op, char *(*getvar)(const char *))
{
	char name[64];
	const char *value;
	int id, error;

	for (id = 0; id < OPTION_MAX; id++) {
		if ((op->op_allowed & OPTION_BIT(id)) == 0 ||
		    specs[id].os_alone ||
		    (op->op_settled & OPTION_BIT(id)) != 0)
			continue;
		variable_name(&specs[id], name, sizeof(name));
		value = getvar(name);
		if (value == NULL)
			continue;
		op->op_settled |= OPTION_BIT(id);
		if (specs[id].os_kind == KIND_FLAG)
			error = environ_flag(op, id, name, value);
		else if (specs[id].os_kind == KIND_OPTIONAL)
			error = environ_optional(op, id, value);
		else if (specs[id].os_repeat)
			error = environ_lines(op, id, value);
		else
			error = options_add(op, id, value);
		if (error != 0)
			return -1;
	}
	return 0;
}

struct place {
	const char *p_file;
	unsigned p_line;
};

static int __attribute__((__format__(__printf__, 3, 4)))
file_fail(struct options *op, const struct place *p, const char *fmt, ...)
{
	char text[sizeof(op->op_error) / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return options_fail(op, "%s:%u: %s", p->p_file, p->p_line, text);
}

/* The option that a line of a file names. */
static int
file_option(struct options *op, const struct place *p, const char *word,
    size_t len, enum option_id *id)
{
	unsigned all = op->op_allowed;
	const char *meant;

	op->op_allowed = ~0U;
	*id = option_by_name(op, word, len);
	op->op_allowed = all;
	if (*id != OPTION_MAX && !specs[*id].os_alone && *id != OPTION_CONFIG)
		return 0;
	if (*id != OPTION_MAX)
		return file_fail(op, p,
		    "%.*s: has no place in a file; only the command line"
		    " takes it",
		    (int)len, word);
	meant = probably_meant(OPTIONS_ALL, word, len);
	return file_fail(op, p, "%.*s: no such option%s%s%s", (int)len, word,
	    meant != NULL ? "; did you mean " : "", meant != NULL ? meant : "",
	    meant != NULL ? "?" : "");
}

/* value is NULL when the line has none. */
static int
file_value(struct options *op, const struct place *p, enum option_id id,
    const char *value)
{
	const struct option_spec *os = &specs[id];

	if (os->os_kind == KIND_FLAG && value != NULL &&
	    strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
		return file_fail(op, p,
		    "%s: '%s' is no value for it; 1, 0 or nothing is",
		    os->os_name, value);
	if (os->os_kind == KIND_VALUE && value == NULL)
		return file_fail(op, p, "%s: needs a value: %s %s", os->os_name,
		    os->os_name, os->os_value);
	if (os->os_kind == KIND_VALUE)
		return options_add(op, id, value);
	if (os->os_kind == KIND_OPTIONAL && value != NULL)
		return environ_optional(op, id, value);
	return value != NULL && *value == '0' ? 0 : options_add(op, id, "");
}

static const char blanks[] = " \t\r";

/* Cut blanks off the end. */
static void
trim(char *line)
{
	size_t len = strlen(line);

	while (len > 0 && strchr(blanks, line[len - 1]) != NULL)
		line[--len] = '\0';
}

/* Options in settled are passed over. */
static int
file_line(
    struct options *op, const struct place *p, char *line, unsigned settled)
{
	enum option_id id;
	char *value;
	size_t len;

	line += strspn(line, blanks);
	if (*line == '\0' || *line == '#')
		return 0;
	trim(line);
	len = strcspn(line, " \t=");
	if (file_option(op, p, line, len, &id) != 0)
		return -1;
	value = line + len + strspn(line + len, blanks);
	if (*value == '=')
		value += 1 + strspn(value + 1, blanks);
	else if (*value == '\0')
		value = NULL;
	if ((op->op_allowed & ~settled & OPTION_BIT(id)) == 0)
		return 0;
	return file_value(op, p, id, value);
}

int
options_file(struct options *op, const char *name, char *text)
{
	const unsigned settled = op->op_settled;
	struct place p = { name, 0 };
	char *line;

	op->op_file = text;
	while ((line = strsep(&text, "\n")) != NULL) {
		p.p_line++;
		if (file_line(op, &p, line, settled) != 0)
			return -1;
	}
	return 0;
}

void
options_help(FILE *out, unsigned set)
{
	const struct option_spec *os;
	char left[32];

	for (os = specs; os < &specs[OPTION_MAX]; os++) {
		if ((set & OPTION_BIT(os - specs)) == 0 || os->os_help == NULL)
			continue;
		if (os->os_letter != 0)
			snprintf(left, sizeof(left), "-%c, --%s%s%s",
			    os->os_letter, os->os_name,
			    os->os_value != NULL ? " " : "",
			    os->os_value != NULL ? os->os_value : "");
		else if (os->os_kind == KIND_FLAG)
			snprintf(left, sizeof(left), "--%s", os->os_name);
		else
			snprintf(left, sizeof(left), "--%s%s%s%s", os->os_name,
			    os->os_kind == KIND_OPTIONAL ? "[=" : " ",
			    os->os_value,
			    os->os_kind == KIND_OPTIONAL ? "]" : "");
		fprintf(out, "  %-21s %s%s\n", left, os->os_help,
		    os->os_repeat ? "; repeatable" : "");
	}
}
