/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/ksyms.h"

#include "kern/guard.h"
#include "kern/netbsd.h"
#include "rump/rump.h"

struct elf_sym {
	uint32_t st_name;
	uint8_t st_info;
	uint8_t st_other;
	uint16_t st_shndx;
	uint64_t st_value;
	uint64_t st_size;
};

#define STT_OBJECT 1
#define STT_FUNC 2

static _Atomic uint32_t guard;
static const char *names;                  /* guard; then constant */
static uint64_t nbytes;                    /* the same: of names */
static size_t nsyms;                       /* the same */
static const struct elf_sym *_Atomic syms; /* NULL: none; set last */

int
ksyms_load(void *symtab, uint64_t symbytes, char *strtab, uint64_t strbytes)
{
	int error = 0;

	if (symtab == NULL || symbytes % sizeof(struct elf_sym) != 0 ||
	    strtab == NULL || strbytes == 0 || strtab[strbytes - 1] != '\0')
		return EINVAL;
	guard_enter(&guard);
	if (atomic_load(&syms) == NULL) {
		names = strtab;
		nbytes = strbytes;
		nsyms = symbytes / sizeof(struct elf_sym);
		atomic_store(&syms, symtab);
	} else {
		error = EBUSY;
	}
	guard_exit(&guard);
	return error;
}

static bool
contains(const struct elf_sym *sym, uintptr_t addr)
{
	unsigned type = sym->st_info & 0xf;

	return (type == STT_FUNC || type == STT_OBJECT) &&
	       addr - sym->st_value < MAX(sym->st_size, 1) &&
	       sym->st_name < nbytes;
}

const char *
ksyms_find(uintptr_t addr, uintptr_t *offset)
{
	const struct elf_sym *table = atomic_load(&syms);

	for (size_t i = 0; table != NULL && i < nsyms; i++) {
		if (!contains(&table[i], addr))
			continue;
		*offset = addr - table[i].st_value;
		return names + table[i].st_name;
	}
	return NULL;
}

int
rump_pub_kernelfsym_load(
    void *symtab, uint64_t symbytes, char *strtab, uint64_t strbytes)
{
	return ksyms_load(symtab, symbytes, strtab, strbytes);
}
