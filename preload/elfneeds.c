/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only program headers count, as for the dynamic linker: sections may have been
 * stripped.  Addresses are taken back to places in the file by the segments
 * that are loaded.  Every number of the file is only ever a place to read
 * from, and a read beyond its end reads nothing.
 */
#include "preload/elfneeds.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define PHDRS_MAX 64
#define DYNAMIC_MAX 1024 /* entries */
#define DYNAMIC_PIECE 32
#define STRING_PIECE 128UL

struct headers {
	Elf64_Phdr h_ph[PHDRS_MAX];
	unsigned h_n;
};

static bool
read_exactly(const struct elfneeds *en, void *buf, size_t len, uint64_t off)
{
	return en->en_read(en->en_cookie, buf, len, off) == (long)len;
}

static int
read_headers(const struct elfneeds *en, struct headers *h)
{
	Elf64_Ehdr eh;

	if (!read_exactly(en, &eh, sizeof(eh), 0) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_X86_64 ||
	    (eh.e_type != ET_DYN && eh.e_type != ET_EXEC) ||
	    eh.e_phentsize != sizeof(h->h_ph[0]))
		return ENOEXEC;
	h->h_n = eh.e_phnum < PHDRS_MAX ? eh.e_phnum : PHDRS_MAX;
	return read_exactly(
		   en, h->h_ph, h->h_n * sizeof(h->h_ph[0]), eh.e_phoff)
		   ? 0
		   : ENOEXEC;
}

static const Elf64_Phdr *
find_header(const struct headers *h, uint32_t type)
{
	for (unsigned i = 0; i < h->h_n; i++) {
		if (h->h_ph[i].p_type == type)
			return &h->h_ph[i];
	}
	return NULL;
}

/* Where in the file is what will be at an address?  ELFNEEDS_NONE: nowhere. */
static uint64_t
place_of(const struct headers *h, uint64_t address)
{
	for (unsigned i = 0; i < h->h_n; i++) {
		const Elf64_Phdr *ph = &h->h_ph[i];

		if (ph->p_type == PT_LOAD && address >= ph->p_vaddr &&
		    address - ph->p_vaddr < ph->p_filesz)
			return ph->p_offset + (address - ph->p_vaddr);
	}
	return ELFNEEDS_NONE;
}

static void
take_entry(struct elfneeds *en, const struct headers *h, const Elf64_Dyn *d)
{
	switch (d->d_tag) {
	case DT_NEEDED:
		if (en->en_count < ELFNEEDS_MAX)
			en->en_needed[en->en_count++] = d->d_un.d_val;
		break;
	case DT_SONAME:
		en->en_soname = d->d_un.d_val;
		break;
	case DT_RPATH:
		en->en_rpath = d->d_un.d_val;
		break;
	case DT_RUNPATH:
		en->en_runpath = d->d_un.d_val;
		break;
	case DT_STRTAB:
		en->en_strings = place_of(h, d->d_un.d_ptr);
		break;
	case DT_STRSZ:
		en->en_strings_size = d->d_un.d_val;
		break;
	case DT_FLAGS_1:
		en->en_nodeflib = (d->d_un.d_val & DF_1_NODEFLIB) != 0;
		break;
	default:
		break;
	}
}

static void
read_dynamic(struct elfneeds *en, const struct headers *h, const Elf64_Phdr *ph)
{
	uint64_t n = ph->p_filesz / sizeof(Elf64_Dyn);
	Elf64_Dyn piece[DYNAMIC_PIECE];

	if (n > DYNAMIC_MAX)
		n = DYNAMIC_MAX;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t rest = n - i < DYNAMIC_PIECE ? n - i : DYNAMIC_PIECE;

		if (i % DYNAMIC_PIECE == 0 &&
		    !read_exactly(en, piece, rest * sizeof(piece[0]),
			ph->p_offset + i * sizeof(piece[0])))
			return;
		if (piece[i % DYNAMIC_PIECE].d_tag == DT_NULL)
			return;
		take_entry(en, h, &piece[i % DYNAMIC_PIECE]);
	}
}

int
elfneeds_begin(struct elfneeds *en, elfneeds_read read, const void *cookie)
{
	const Elf64_Phdr *ph;
	struct headers h;
	int error;

	en->en_read = read;
	en->en_cookie = cookie;
	en->en_interp = en->en_interp_size = 0;
	en->en_strings = en->en_soname = ELFNEEDS_NONE;
	en->en_rpath = en->en_runpath = ELFNEEDS_NONE;
	en->en_strings_size = 0;
	en->en_count = 0;
	en->en_nodeflib = false;
	error = read_headers(en, &h);
	if (error != 0)
		return error;
	ph = find_header(&h, PT_INTERP);
	if (ph != NULL) {
		en->en_interp = ph->p_offset;
		en->en_interp_size = ph->p_filesz;
	}
	ph = find_header(&h, PT_DYNAMIC);
	if (ph != NULL)
		read_dynamic(en, &h, ph);
	return 0;
}

/* A string of the file that ends before max bytes. */
static long
read_string(const struct elfneeds *en, uint64_t at, uint64_t max, char *buf,
    size_t size)
{
	size_t len = 0, want, limit = max < size ? max : size;
	long n;

	while (len < limit) {
		want = limit - len < STRING_PIECE ? limit - len : STRING_PIECE;
		n = en->en_read(en->en_cookie, buf + len, want, at + len);
		if (n <= 0)
			return -1;
		for (long i = 0; i < n; i++, len++) {
			if (buf[len] == '\0')
				return (long)len;
		}
	}
	return -1;
}

long
elfneeds_string(const struct elfneeds *en, uint64_t at, char *buf, size_t size)
{
	if (at >= en->en_strings_size || en->en_strings == ELFNEEDS_NONE)
		return -1;
	return read_string(
	    en, en->en_strings + at, en->en_strings_size - at, buf, size);
}

long
elfneeds_interpreter(const struct elfneeds *en, char *buf, size_t size)
{
	return read_string(en, en->en_interp, en->en_interp_size, buf, size);
}
