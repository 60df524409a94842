/* SPDX-License-Identifier: BSD-2-Clause */
/* The dynamic symbols of a loaded ELF object. */
#ifndef RUMPUSER_ELFSYMS_H
#define RUMPUSER_ELFSYMS_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_gnu_hash;

struct elf_symbols {
	uintptr_t es_base; /* what the object's addresses are relative to */
	const Elf64_Sym *es_sym;
	size_t es_nsyms;
	const char *es_str;
	size_t es_strbytes;
	const struct elf_gnu_hash *es_hash; /* NULL: search all */
};

/* View the object at base through its dynamic section; false if it has no
 * symbols. */
bool elf_symbols_init(
    struct elf_symbols *es, uintptr_t base, const Elf64_Dyn *dyn);

/* True for a symbol that the object defines and that has an address. */
bool elf_symbol_defined(const Elf64_Sym *sym);
const char *elf_symbol_name(const struct elf_symbols *es, const Elf64_Sym *sym);
uintptr_t elf_symbol_address(
    const struct elf_symbols *es, const Elf64_Sym *sym);

/* Address of the named symbol that the object itself defines, or 0. */
uintptr_t elf_symbols_find(const struct elf_symbols *es, const char *name);

/* The same in the image whose ELF header is at ehdr (the vDSO). */
uintptr_t elf_image_symbol(uintptr_t ehdr, const char *name);

#endif /* !RUMPUSER_ELFSYMS_H */
