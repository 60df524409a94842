/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dynamic section does not say how many symbols there are.  The old hash
 * table has one chain entry a symbol; of the GNU one, which is often the only
 * one, the symbols end with the chain of the highest bucket.
 */
#include "rumpuser/elfsyms.h"

#include "rumpuser/text.h"

struct elf_gnu_hash {
	uint32_t nbuckets;
	uint32_t symoffset; /* first symbol that the table knows */
	uint32_t bloom_size;
	uint32_t bloom_shift;
	uint64_t bloom[]; /* then buckets, then one chain word a symbol */
};

static const uint32_t *
hash_buckets(const struct elf_gnu_hash *gh)
{
	return (const uint32_t *)(gh->bloom + gh->bloom_size);
}

static const uint32_t *
hash_chain(const struct elf_gnu_hash *gh)
{
	return hash_buckets(gh) + gh->nbuckets;
}

static size_t
hash_nsyms(const struct elf_gnu_hash *gh)
{
	const uint32_t *buckets = hash_buckets(gh), *chain = hash_chain(gh);
	uint32_t i, last;

	for (i = last = 0; i < gh->nbuckets; i++) {
		if (buckets[i] > last)
			last = buckets[i];
	}
	if (last < gh->symoffset)
		return gh->symoffset;
	/* The low bit marks the end of a chain. */
	while ((chain[last - gh->symoffset] & 1) == 0)
		last++;
	return (size_t)last + 1;
}

/*
 * The dynamic linker of glibc has added the base to the addresses in the
 * section, others and the vDSO have not.
 */
static const void *
dynamic_address(uintptr_t base, uint64_t value)
{
	return (const void *)(value < base ? base + value : value);
}

bool
elf_symbols_init(struct elf_symbols *es, uintptr_t base, const Elf64_Dyn *dyn)
{
	const uint32_t *hash = NULL;

	*es = (struct elf_symbols){ .es_base = base };
	for (; dyn->d_tag != DT_NULL; dyn++) {
		switch (dyn->d_tag) {
		case DT_SYMTAB:
			es->es_sym = dynamic_address(base, dyn->d_un.d_ptr);
			break;
		case DT_STRTAB:
			es->es_str = dynamic_address(base, dyn->d_un.d_ptr);
			break;
		case DT_STRSZ:
			es->es_strbytes = dyn->d_un.d_val;
			break;
		case DT_HASH:
			hash = dynamic_address(base, dyn->d_un.d_ptr);
			break;
		case DT_GNU_HASH:
			es->es_hash = dynamic_address(base, dyn->d_un.d_ptr);
			break;
		default:
			break;
		}
	}
	if (hash != NULL)
		es->es_nsyms = hash[1];
	else if (es->es_hash != NULL)
		es->es_nsyms = hash_nsyms(es->es_hash);
	return es->es_sym != NULL && es->es_str != NULL && es->es_nsyms != 0;
}

bool
elf_symbol_defined(const Elf64_Sym *sym)
{
	return sym->st_shndx != SHN_UNDEF && sym->st_value != 0 &&
	       ELF64_ST_TYPE(sym->st_info) != STT_TLS;
}

const char *
elf_symbol_name(const struct elf_symbols *es, const Elf64_Sym *sym)
{
	return sym->st_name < es->es_strbytes ? es->es_str + sym->st_name : "";
}

uintptr_t
elf_symbol_address(const struct elf_symbols *es, const Elf64_Sym *sym)
{
	if (sym->st_shndx == SHN_ABS)
		return sym->st_value;
	return es->es_base + sym->st_value;
}

static bool
is_definition_of(
    const struct elf_symbols *es, const Elf64_Sym *sym, const char *name)
{
	return elf_symbol_defined(sym) &&
	       text_equal(elf_symbol_name(es, sym), name);
}

static const Elf64_Sym *
search_all(const struct elf_symbols *es, const char *name)
{
	size_t i;

	for (i = 0; i < es->es_nsyms; i++) {
		if (is_definition_of(es, &es->es_sym[i], name))
			return &es->es_sym[i];
	}
	return NULL;
}

/* The bloom filter is left out: we look up next to nothing. */
static const Elf64_Sym *
search_hash(const struct elf_symbols *es, const char *name)
{
	const struct elf_gnu_hash *gh = es->es_hash;
	const uint32_t *chain = hash_chain(gh);
	const unsigned char *p;
	uint32_t hash, i;

	hash = 5381;
	for (p = (const unsigned char *)name; *p != '\0'; p++)
		hash = hash * 33 + *p;
	i = gh->nbuckets == 0 ? 0 : hash_buckets(gh)[hash % gh->nbuckets];
	if (i < gh->symoffset)
		return NULL;
	for (;; i++) {
		if (((chain[i - gh->symoffset] ^ hash) & ~1U) == 0 &&
		    is_definition_of(es, &es->es_sym[i], name))
			return &es->es_sym[i];
		if ((chain[i - gh->symoffset] & 1) != 0)
			return NULL;
	}
}

uintptr_t
elf_symbols_find(const struct elf_symbols *es, const char *name)
{
	const Elf64_Sym *sym;

	if (es->es_hash != NULL)
		sym = search_hash(es, name);
	else
		sym = search_all(es, name);
	return sym == NULL ? 0 : elf_symbol_address(es, sym);
}

uintptr_t
elf_image_symbol(uintptr_t ehdr, const char *name)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)ehdr;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(ehdr + eh->e_phoff);
	const Elf64_Dyn *dyn = NULL;
	struct elf_symbols es;
	uintptr_t base = ehdr;
	unsigned i;

	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const Elf64_Dyn *)(ehdr + ph[i].p_offset);
		else if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
			base = ehdr - ph[i].p_vaddr;
	}
	if (dyn == NULL || !elf_symbols_init(&es, base, dyn))
		return 0;
	return elf_symbols_find(&es, name);
}
