/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tell the kernel what the dynamic linker has loaded: the symbols of the
 * kernel's libraries in one table, and the modules and components that their
 * link sets contain.  Libraries that register their components from
 * constructors have no such sets.  Objects are visited from the last loaded to
 * the first, so that a library comes after those that depend on it.
 */
#include "rump/rumpuser.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>

#include "rumpuser/bug.h"
#include "rumpuser/elfsyms.h"
#include "rumpuser/text.h"

/* The kernel's symbol table in the making; first counted, then filled. */
struct table {
	Elf64_Sym *tb_sym; /* NULL while counting */
	char *tb_str;
	size_t tb_nsyms;
	size_t tb_strbytes;
};

/* Any object of this namespace will do to find all of them. */
static struct link_map *
last_object(void)
{
	struct link_map *lm = NULL;
	Dl_info info;

	if (dladdr1((const void *)rumpuser_dl_bootstrap, &info, (void **)&lm,
		RTLD_DL_LINKMAP) == 0 ||
	    lm == NULL)
		return NULL;
	while (lm->l_next != NULL)
		lm = lm->l_next;
	return lm;
}

/* The main program has an empty name. */
static bool
is_kernel_object(const struct link_map *lm)
{
	return lm->l_name[0] == '\0' || text_contains(lm->l_name, "librump");
}

static bool
is_kernel_symbol(const char *name)
{
	return text_has_prefix(name, "rump") || text_has_prefix(name, "RUMP") ||
	       text_has_prefix(name, "__");
}

static void
table_add(
    struct table *tb, const char *name, const Elf64_Sym *sym, uintptr_t address)
{
	size_t i, len;

	len = text_length(name) + 1;
	if (tb->tb_sym != NULL) {
		tb->tb_sym[tb->tb_nsyms] = *sym;
		tb->tb_sym[tb->tb_nsyms].st_name = (Elf64_Word)tb->tb_strbytes;
		tb->tb_sym[tb->tb_nsyms].st_value = address;
		for (i = 0; i < len; i++)
			tb->tb_str[tb->tb_strbytes + i] = name[i];
	}
	tb->tb_nsyms++;
	tb->tb_strbytes += len;
}

static void
table_add_object(struct table *tb, const struct link_map *lm)
{
	struct elf_symbols es;
	const Elf64_Sym *sym;
	const char *name;
	size_t i;

	if (!is_kernel_object(lm) ||
	    !elf_symbols_init(&es, lm->l_addr, lm->l_ld))
		return;
	for (i = 0; i < es.es_nsyms; i++) {
		sym = &es.es_sym[i];
		name = elf_symbol_name(&es, sym);
		if (elf_symbol_defined(sym) && is_kernel_symbol(name))
			table_add(tb, name, sym, elf_symbol_address(&es, sym));
	}
}

static void
table_collect(struct table *tb, const struct link_map *last)
{
	tb->tb_nsyms = tb->tb_strbytes = 0;
	for (; last != NULL; last = last->l_prev)
		table_add_object(tb, last);
}

/* The kernel keeps the memory of a table that it accepts. */
static void
load_symbols(const struct link_map *last, rump_symload_fn symload)
{
	struct table tb = { .tb_sym = NULL };
	size_t strbytes, symbytes;
	void *mem;

	table_collect(&tb, last);
	symbytes = tb.tb_nsyms * sizeof(*tb.tb_sym);
	strbytes = tb.tb_strbytes;
	if (symbytes == 0 || rumpuser_malloc(symbytes + strbytes, 0, &mem) != 0)
		return;
	tb.tb_sym = mem;
	tb.tb_str = (char *)mem + symbytes;
	table_collect(&tb, last);
	if (symload(tb.tb_sym, symbytes, tb.tb_str, strbytes) != 0)
		rumpuser_free(mem, symbytes + strbytes);
}

/* The array of pointers between two symbols of the object. */
static size_t
link_set(const struct elf_symbols *es, const char *start, const char *stop,
    uintptr_t *firstp)
{
	uintptr_t end;

	*firstp = elf_symbols_find(es, start);
	end = elf_symbols_find(es, stop);
	if (*firstp == 0 || end <= *firstp)
		return 0;
	return (end - *firstp) / sizeof(void *);
}

static void
load_link_sets(const struct link_map *lm, rump_modinit_fn modinit,
    rump_compload_fn compload)
{
	struct elf_symbols es;
	uintptr_t first;
	size_t i, n;

	if (!elf_symbols_init(&es, lm->l_addr, lm->l_ld))
		return;
	n = link_set(
	    &es, "__start_link_set_modules", "__stop_link_set_modules", &first);
	if (n != 0 && modinit != NULL)
		modinit((const struct modinfo *const *)first, n);
	n = link_set(&es, "__start_link_set_rump_components",
	    "__stop_link_set_rump_components", &first);
	for (i = 0; i < n && compload != NULL; i++)
		compload(((const struct rump_component *const *)first)[i]);
}

void
rumpuser_dl_bootstrap(
    rump_modinit_fn modinit, rump_symload_fn symload, rump_compload_fn compload)
{
	const struct link_map *last, *lm;

	last = last_object();
	/* A static program: everything is linked in and registered. */
	if (last == NULL || last->l_prev == NULL)
		return;
	if (symload != NULL)
		load_symbols(last, symload);
	for (lm = last; lm != NULL; lm = lm->l_prev)
		load_link_sets(lm, modinit, compload);
}
