/* SPDX-License-Identifier: MIT */
#include "mkelf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 16, DYNS = 24 };

struct image {
	unsigned char *data;
	size_t size;
	Elf64_Dyn dyn[DYNS];
	size_t ndyn;
	size_t strings; /* where the string table begins */
};

static size_t put(struct image *im, const void *data, size_t size)
{
	size_t at = im->size;

	if (size > ROOM - at)
		abort();
	memcpy(im->data + at, data, size);
	im->size += size;
	return at;
}

static void align(struct image *im)
{
	im->size = (im->size + 7) / 8 * 8;
}

static void tag(struct image *im, Elf64_Sxword what, Elf64_Xword value)
{
	if (im->ndyn == DYNS)
		abort();
	im->dyn[im->ndyn].d_tag = what;
	im->dyn[im->ndyn++].d_un.d_val = value;
}

static size_t string(struct image *im, const char *text)
{
	return put(im, text, strlen(text) + 1) - im->strings;
}

static void string_tag(struct image *im, Elf64_Sxword what, const char *text)
{
	if (text)
		tag(im, what, string(im, text));
}

static void put_strings(struct image *im, const struct mkelf *elf, Elf64_Sym symbols[5])
{
	im->strings = put(im, "", 1);
	for (size_t i = 0; i < 6; i++)
		string_tag(im, DT_NEEDED, elf->needed[i]);
	string_tag(im, DT_SONAME, elf->soname);
	string_tag(im, DT_RPATH, elf->rpath);
	string_tag(im, DT_RUNPATH, elf->runpath);
	string_tag(im, DT_AUXILIARY, elf->auxiliary);
	for (size_t i = 0; i < 4; i++)
		if (elf->imports[i])
			symbols[i + 1].st_name = (Elf64_Word)string(im, elf->imports[i]);
	tag(im, DT_STRTAB, im->strings);
	tag(im, DT_STRSZ, im->size - im->strings);
	tag(im, DT_FLAGS_1, elf->flags_1);
	align(im);
}

static size_t put_dynamic(struct image *im, const struct mkelf *elf)
{
	static const Elf64_Word hash[] = {1, 5, 0, 0, 0, 0, 0, 0};
	Elf64_Sym symbols[5] = {0};

	put_strings(im, elf, symbols);
	tag(im, DT_SYMTAB, put(im, symbols, sizeof(symbols)));
	tag(im, DT_HASH, put(im, hash, sizeof(hash)));
	tag(im, DT_NULL, 0);
	align(im);
	return put(im, im->dyn, im->ndyn * sizeof(*im->dyn));
}

unsigned char *mkelf(const struct mkelf *elf, size_t *size)
{
	struct image im = {.data = calloc(1, ROOM)};
	Elf64_Ehdr eh = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			 .e_type = elf->type ? elf->type : ET_DYN,
			 .e_machine = elf->machine ? elf->machine : EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_phoff = sizeof(eh),
			 .e_ehsize = sizeof(eh),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 3};
	Elf64_Phdr ph[3] = {{.p_type = PT_NULL}, {.p_type = PT_LOAD}, {.p_type = PT_DYNAMIC}};
	unsigned char *exact;

	if (!im.data)
		abort();
	im.size = sizeof(eh) + sizeof(ph);
	if (elf->interp) {
		ph[0].p_type = PT_INTERP;
		ph[0].p_filesz = strlen(elf->interp) + 1;
		ph[0].p_offset = put(&im, elf->interp, ph[0].p_filesz);
	}
	ph[2].p_offset = ph[2].p_vaddr = put_dynamic(&im, elf);
	ph[2].p_filesz = im.size - ph[2].p_offset;
	ph[1].p_filesz = im.size;
	memcpy(im.data, &eh, sizeof(eh));
	memcpy(im.data + sizeof(eh), ph, sizeof(ph));
	exact = realloc(im.data, im.size);
	*size = im.size;
	return exact ? exact : im.data;
}
