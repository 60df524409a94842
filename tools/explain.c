/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpkit explain: the router's own decision functions, asked by hand.
 */
#include "tools/rumpkit.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "syscall_table/linux_names.h"
#include "tools/configfile.h"
#include "tools/options.h"
#include "tools/plan.h"
#include "tools/rules.h"

struct explanation {
	struct plan e_plan;
	struct rules e_rules;
};

/* The kernel that a rule stands for, in words. */
static void
print_rump(
    const struct explanation *e, const char *what, const struct ns_decision *nd)
{
	const struct ns_rule *nr =
	    &e->e_rules.rs_namespace.ns_rules[nd->nd_rule];
	const struct mountarg *ma = NULL;
	size_t i;

	for (i = 0; nr->nr_kind == NS_MOUNT && i < e->e_plan.pl_nmounts; i++) {
		if (strcmp(e->e_plan.pl_mounts[i].ma_path, nr->nr_prefix) == 0)
			ma = &e->e_plan.pl_mounts[i];
	}
	if (ma != NULL)
		printf("%s: rump, as %s: --mount %s=%s\n", what, nd->nd_path,
		    ma->ma_path, ma->ma_source);
	else if (nr->nr_kind == NS_PARENT)
		printf("%s: rump, as %s: on the way to a mount\n", what,
		    nd->nd_path);
	else
		printf("%s: rump, as %s: --hijack %s=%s\n", what, nd->nd_path,
		    namespace_kind_name(nr->nr_kind), nr->nr_prefix);
}

static int
explain_path(const struct explanation *e, const char *path)
{
	char result[PATH_MAX];
	struct ns_decision nd = { .nd_path = result };

	if (rules_decide(&e->e_rules, path, &nd, sizeof(result)) != 0)
		return complain(STATUS_FAILED, "%s: too long", path);
	if (nd.nd_rule != NS_HOST)
		print_rump(e, path, &nd);
	else
		printf("%s: host: no rule applies\n", path);
	return 0;
}

/* Is it ":port", or nothing? */
static bool
is_port(const char *s)
{
	if (*s == '\0')
		return true;
	return *s == ':' && s[1] != '\0' && strlen(s) <= 6 &&
	       s[1 + strspn(s + 1, "0123456789")] == '\0' &&
	       strtol(s + 1, NULL, 10) <= 65535;
}

/* AF_INET or AF_INET6 for "1.2.3.4[:port]", "::1", "[::1][:port]"; else 0. */
static int
address_family(const char *word)
{
	unsigned char raw[sizeof(struct in6_addr)];
	char host[INET6_ADDRSTRLEN + 1];
	const char *start = word + (*word == '[');
	size_t len = *word == '[' ? strcspn(start, "]") : strcspn(word, ":");

	if (inet_pton(AF_INET6, word, raw) == 1)
		return AF_INET6;
	if (len >= sizeof(host) || (*word == '[' && start[len] != ']') ||
	    !is_port(start + len + (start[len] == ']')))
		return 0;
	memcpy(host, start, len);
	host[len] = '\0';
	if (inet_pton(*word == '[' ? AF_INET6 : AF_INET, host, raw) != 1)
		return 0;
	return *word == '[' ? AF_INET6 : AF_INET;
}

/* Which option makes sockets of these families the rump kernel's? */
static const char *
socket_reason(const struct explanation *e)
{
	return strcmp(e->e_plan.pl_net, "host") != 0 ? "--net" : "--hijack";
}

static const char *
socket_rule(const struct explanation *e)
{
	return strcmp(e->e_plan.pl_net, "host") != 0 ? e->e_plan.pl_net
						     : e->e_plan.pl_hijack;
}

static int
explain_address(const struct explanation *e, const char *word, int family)
{
	const char *name = family == AF_INET6 ? "PF_INET6" : "PF_INET";
	unsigned wanted = family == AF_INET6 ? HS_INET6 : HS_INET;

	if ((e->e_plan.pl_spec.hs_sockets & wanted) != 0)
		printf("%s: rump: %s %s: %s sockets are the kernel's and ride"
		       " on the host's\n",
		    word, socket_reason(e), socket_rule(e), name);
	else
		printf("%s: host: --net host leaves %s sockets alone\n", word,
		    name);
	return 0;
}

static const struct linux_name *
find_call(const char *word)
{
	char *end;
	long number = strtol(word, &end, 10);
	size_t i;

	for (i = 0; i < linux_nnames; i++) {
		if (strcmp(linux_names[i].ln_name, word) == 0 ||
		    (end != word && *end == '\0' &&
			linux_names[i].ln_number == number))
			return &linux_names[i];
	}
	return NULL;
}

/* Families whose sockets are to be the rump kernel's. */
static const struct {
	unsigned bit;
	const char *name;
} families[] = {
	{ HS_INET, "PF_INET" },
	{ HS_INET6, "PF_INET6" },
	{ HS_LOCAL, "PF_LOCAL" },
};

static void
print_families(const struct explanation *e)
{
	unsigned sockets = e->e_plan.pl_spec.hs_sockets;
	const char *before = " ";
	size_t i;

	if (sockets == 0) {
		printf("; --net host leaves all sockets to the host\n");
		return;
	}
	printf("; %s %s sends to the rump kernel", socket_reason(e),
	    socket_rule(e));
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if ((sockets & families[i].bit) == 0)
			continue;
		printf("%s%s", before, families[i].name);
		before = " and ";
	}
	printf("\n");
}

static int
explain_call(const struct explanation *e, const struct linux_name *ln)
{
	printf("%s (%d): %s; on a rump object: %s", ln->ln_name, ln->ln_number,
	    ln->ln_class, ln->ln_support);
	if (strncmp(ln->ln_name, "socket", strlen("socket")) == 0)
		print_families(e);
	else
		printf("\n");
	return 0;
}

static int
explain_word(const struct explanation *e, const char *word)
{
	const struct linux_name *ln = find_call(word);
	int family = address_family(word);

	if (strchr(word, '/') != NULL)
		return explain_path(e, word);
	if (ln != NULL)
		return explain_call(e, ln);
	if (family != 0)
		return explain_address(e, word, family);
	if (access(word, F_OK) == 0)
		return explain_path(e, word);
	return complain(STATUS_FAILED,
	    "explain: '%s' is no path (write ./%s for one in this directory),"
	    " address or system call",
	    word, word);
}

static int
explain(struct explanation *e, struct options *op, int argc, char **argv)
{
	int first, status;

	first = options_parse(op, argc, argv);
	if (first < 0)
		return complain(STATUS_FAILED, "%s", op->op_error);
	if (options_flag(op, OPTION_HELP))
		return help_print();
	if (options_flag(op, OPTION_VERSION))
		return version_print();
	if (configfile_complete(op) != 0)
		return complain(STATUS_FAILED, "%s", op->op_error);
	if (plan_init(&e->e_plan, op) != 0)
		return complain(STATUS_FAILED, "%s", e->e_plan.pl_error);
	if (first == argc)
		return complain(STATUS_FAILED, "explain: name a path, an"
					       " address or a system call");
	if (rules_init(&e->e_rules, &e->e_plan) != 0)
		return complain(STATUS_FAILED,
		    "explain: there can be %d mounts and paths at most",
		    NS_MAXRULES);
	for (status = 0; status == 0 && first < argc; first++)
		status = explain_word(e, argv[first]);
	return status;
}

int
explain_main(int argc, char **argv)
{
	struct explanation e = { 0 };
	struct options op;
	int status;

	options_init(&op, OPTIONS_EXPLAIN);
	status = explain(&e, &op, argc, argv);
	rules_fini(&e.e_rules);
	plan_fini(&e.e_plan);
	options_fini(&op);
	return status;
}
