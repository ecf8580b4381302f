/* SPDX-License-Identifier: MIT */
/*
 * What the kernel and a dynamic loader read of an ELF file: program headers and the dynamic section. Section headers
 * are for debuggers; a file may lie in them. libelf reads with pread(2), so that a file that shrinks is an error, not
 * a SIGBUS.
 */
#include "elfdeps_impl.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PHDRS = 1024, MAX_SYMBOLS = 1 << 20 };

struct reader {
	struct arena *arena;
	Elf *elf;
	size_t nphdrs;
	struct elf_object *out;
	const char *strings;
	size_t strings_size;
	/* virtual addresses, 0: none */
	GElf_Addr strtab, symtab, hash, gnu_hash;
	GElf_Xword strsz;
	/* offsets into the string table; 0 is the empty string, and as good as absent */
	GElf_Xword soname, rpath, runpath;
};

static const struct use_row {
	const char *function;
	enum elf_use use;
} uses[] = {
	/* sorted */
	{"SSL_CTX_set_default_verify_paths", USE_TLS},
	{"X509_STORE_set_default_paths", USE_TLS},
	{"X509_get_default_cert_file", USE_TLS},
	{"dlmopen", USE_DLOPEN},
	{"dlopen", USE_DLOPEN},
	{"getaddrinfo", USE_NSS},
	{"getgrgid", USE_NSS},
	{"getgrgid_r", USE_NSS},
	{"getgrnam", USE_NSS},
	{"getgrnam_r", USE_NSS},
	{"getgrouplist", USE_NSS},
	{"gethostbyaddr", USE_NSS},
	{"gethostbyname", USE_NSS},
	{"gethostbyname2", USE_NSS},
	{"gethostbyname_r", USE_NSS},
	{"getnameinfo", USE_NSS},
	{"getpwnam", USE_NSS},
	{"getpwnam_r", USE_NSS},
	{"getpwuid", USE_NSS},
	{"getpwuid_r", USE_NSS},
	{"getservbyname", USE_NSS},
	{"getservbyport", USE_NSS},
	{"gnutls_certificate_set_x509_system_trust", USE_TLS},
	{"iconv_open", USE_LOCALE},
	{"initgroups", USE_NSS},
	{"initscr", USE_TTY},
	{"newlocale", USE_LOCALE},
	{"newterm", USE_TTY},
	{"rl_initialize", USE_TTY},
	{"setlocale", USE_LOCALE},
	{"setupterm", USE_TTY},
	{"tcsetattr", USE_TTY},
	{"tgetent", USE_TTY},
};

static int compare_use(const void *key, const void *row)
{
	return strcmp(key, ((const struct use_row *)row)->function);
}

static const void *chunk(struct reader *r, GElf_Off offset, size_t size, Elf_Type type, Elf_Data **data)
{
	if (offset > INT64_MAX)
		return NULL;
	*data = elf_getdata_rawchunk(r->elf, (int64_t)offset, size, type);
	return *data && (*data)->d_size >= size ? (*data)->d_buf : NULL;
}

/* Where in the file an address of the loaded image comes from, and how many bytes follow in the same segment. */
static bool file_offset(const struct reader *r, GElf_Addr address, GElf_Off *offset, GElf_Xword *rest)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < r->nphdrs; i++) {
		if (!gelf_getphdr(r->elf, (int)i, &ph) || ph.p_type != PT_LOAD || address < ph.p_vaddr ||
		    address - ph.p_vaddr >= ph.p_filesz)
			continue;
		*rest = ph.p_filesz - (address - ph.p_vaddr);
		return !__builtin_add_overflow(ph.p_offset, address - ph.p_vaddr, offset);
	}
	return false;
}

/* A string of the dynamic section, at most `max` bytes; NULL: damaged. */
static const char *string(const struct reader *r, GElf_Xword at, size_t max)
{
	size_t left, len;

	if (at >= r->strings_size)
		return NULL;
	left = r->strings_size - (size_t)at;
	len = strnlen(r->strings + at, left < max ? left : max);
	if (len == left || len == max)
		return NULL;
	return arena_strndup(r->arena, r->strings + at, len);
}

/* fs/binfmt_elf.c, load_elf_binary(): the first PT_INTERP, 2 to PATH_MAX bytes with its NUL */
static const char *read_interp(struct reader *r, const GElf_Phdr *ph)
{
	Elf_Data *data;
	const char *text;

	if (r->out->interp)
		return NULL;
	if (ph->p_filesz < 2 || ph->p_filesz > PATH_MAX)
		return "PT_INTERP has a length that the kernel refuses";
	text = chunk(r, ph->p_offset, (size_t)ph->p_filesz, ELF_T_BYTE, &data);
	if (!text || text[ph->p_filesz - 1])
		return "PT_INTERP is damaged";
	r->out->interp = arena_strdup(r->arena, text);
	return NULL;
}

static void add_need(struct reader *r, GElf_Xword at, enum need_kind kind)
{
	struct elf_object *out = r->out;

	out->needed = arena_grow(r->arena, out->needed, &out->needed_cap, out->nneeded + 1, sizeof(*out->needed));
	out->needed[out->nneeded++] = (struct elf_need){.name = string(r, at, PATH_MAX), .kind = kind};
}

static void note_dyn(struct reader *r, const GElf_Dyn *dyn)
{
	switch (dyn->d_tag) {
	case DT_STRTAB:
		r->strtab = dyn->d_un.d_ptr;
		break;
	case DT_STRSZ:
		r->strsz = dyn->d_un.d_val;
		break;
	case DT_SYMTAB:
		r->symtab = dyn->d_un.d_ptr;
		break;
	case DT_HASH:
		r->hash = dyn->d_un.d_ptr;
		break;
	case DT_GNU_HASH:
		r->gnu_hash = dyn->d_un.d_ptr;
		break;
	case DT_SONAME:
		r->soname = dyn->d_un.d_val;
		break;
	case DT_RPATH:
		r->rpath = dyn->d_un.d_val;
		break;
	case DT_RUNPATH:
		r->runpath = dyn->d_un.d_val;
		break;
	case DT_FLAGS_1:
		r->out->no_default_dirs = dyn->d_un.d_val & DF_1_NODEFLIB;
		break;
	case 0x6ffffefc: /* DT_AUDIT */
	case 0x6ffffefb: /* DT_DEPAUDIT */
		r->out->audited = true;
		break;
	default:
		break;
	}
}

static const char *read_needs(struct reader *r, Elf_Data *data, size_t count)
{
	GElf_Dyn dyn;

	for (size_t i = 0; i < count && gelf_getdyn(data, (int)i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_FILTER && dyn.d_tag != DT_AUXILIARY)
			continue;
		if (r->out->nneeded == MAX_NEEDED)
			return "needs too many libraries";
		add_need(r, dyn.d_un.d_val, dyn.d_tag == DT_AUXILIARY ? NEED_OPTIONAL : NEED_LIBRARY);
		if (!r->out->needed[r->out->nneeded - 1].name)
			return "its dynamic section is damaged";
	}
	return NULL;
}

static const char *read_strings(struct reader *r)
{
	Elf_Data *data;
	GElf_Off offset;
	GElf_Xword rest;

	if (!file_offset(r, r->strtab, &offset, &rest) || r->strsz > rest)
		return "its dynamic string table is not in the file";
	if (r->strsz > MAX_TABLE)
		return "its dynamic string table is too large";
	r->strings = r->strsz ? chunk(r, offset, (size_t)r->strsz, ELF_T_BYTE, &data) : "";
	if (!r->strings)
		return "its dynamic string table is damaged";
	r->strings_size = (size_t)r->strsz;
	return NULL;
}

static const char *read_paths(struct reader *r)
{
	struct elf_object *out = r->out;

	if (r->soname)
		out->soname = string(r, r->soname, PATH_MAX);
	if (r->rpath)
		out->rpath = string(r, r->rpath, MAX_PATH_TEXT);
	if (r->runpath)
		out->runpath = string(r, r->runpath, MAX_PATH_TEXT);
	if ((r->soname && !out->soname) || (r->rpath && !out->rpath) || (r->runpath && !out->runpath))
		return "its dynamic section is damaged";
	return NULL;
}

/* How many symbols to look at: those before the first in DT_GNU_HASH are imports; DT_HASH counts all. */
static size_t count_symbols(struct reader *r)
{
	GElf_Addr table = r->gnu_hash ? r->gnu_hash : r->hash;
	GElf_Off offset;
	GElf_Xword rest;
	Elf_Data *data;
	const Elf32_Word *words;

	if (!table || !file_offset(r, table, &offset, &rest))
		return 0;
	words = chunk(r, offset, 2 * sizeof(*words), ELF_T_WORD, &data);
	return words ? words[1] : 0;
}

/* Hints only: whatever is odd here is no reason to refuse a file that the loader would take. */
static void read_uses(struct reader *r)
{
	size_t count = count_symbols(r), size = gelf_fsize(r->elf, ELF_T_SYM, 1, EV_CURRENT);
	GElf_Off offset;
	GElf_Xword rest;
	Elf_Data *data;
	GElf_Sym sym;

	if (!count || count > MAX_SYMBOLS || !r->symtab || !file_offset(r, r->symtab, &offset, &rest) ||
	    count * size > rest || !chunk(r, offset, count * size, ELF_T_SYM, &data))
		return;
	for (size_t i = 1; i < count && gelf_getsym(data, (int)i, &sym); i++) {
		const struct use_row *row;

		if (sym.st_shndx != SHN_UNDEF || sym.st_name >= r->strings_size ||
		    !memchr(r->strings + sym.st_name, 0, r->strings_size - sym.st_name))
			continue;
		row = bsearch(r->strings + sym.st_name, uses, sizeof(uses) / sizeof(*uses), sizeof(*uses),
			      compare_use);
		if (row && !r->out->uses[row->use])
			r->out->uses[row->use] = row->function;
	}
}

static const char *read_dynamic(struct reader *r, const GElf_Phdr *ph)
{
	size_t size = gelf_fsize(r->elf, ELF_T_DYN, 1, EV_CURRENT), count = (size_t)ph->p_filesz / size;
	const char *why;
	Elf_Data *data;
	GElf_Dyn dyn;

	if (ph->p_filesz > MAX_TABLE || !count || !chunk(r, ph->p_offset, count * size, ELF_T_DYN, &data))
		return "its dynamic section is not in the file";
	for (size_t i = 0; i < count && gelf_getdyn(data, (int)i, &dyn) && dyn.d_tag != DT_NULL; i++)
		note_dyn(r, &dyn);
	if (!r->strtab)
		return NULL;
	why = read_strings(r);
	if (!why)
		why = read_needs(r, data, count);
	if (!why)
		why = read_paths(r);
	if (!why)
		read_uses(r);
	return why;
}

/* elf_getphdrnum() counts those that a cut file still has: not what the header says. */
static const char *read_headers(struct reader *r, size_t phdrs)
{
	const char *why = NULL;
	GElf_Phdr ph, dynamic = {.p_type = PT_NULL};

	if (elf_getphdrnum(r->elf, &r->nphdrs) || r->nphdrs != phdrs || phdrs > MAX_PHDRS)
		return "its program headers are damaged";
	for (size_t i = 0; i < r->nphdrs && !why; i++) {
		if (!gelf_getphdr(r->elf, (int)i, &ph))
			return "its program headers are not in the file";
		if (ph.p_type == PT_INTERP)
			why = read_interp(r, &ph);
		else if (ph.p_type == PT_DYNAMIC)
			dynamic = ph;
	}
	return why || dynamic.p_type == PT_NULL ? why : read_dynamic(r, &dynamic);
}

static const char *read_ident(struct reader *r)
{
	GElf_Ehdr eh;

	if (elf_kind(r->elf) != ELF_K_ELF || !gelf_getehdr(r->elf, &eh))
		return "is not an ELF file, or is damaged";
	r->out->machine = eh.e_machine;
	r->out->type = eh.e_type;
	r->out->elf_class = eh.e_ident[EI_CLASS];
	r->out->data = eh.e_ident[EI_DATA];
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return "is an ELF file of a kind that cannot be run or loaded";
	return read_headers(r, eh.e_phnum);
}

const char *elf_read(struct arena *arena, int fd, struct elf_object *out)
{
	struct reader r = {.arena = arena, .out = out};
	const char *why;

	memset(out, 0, sizeof(*out));
	elf_version(EV_CURRENT);
	r.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!r.elf)
		return "cannot be read as an ELF file";
	why = read_ident(&r);
	elf_end(r.elf);
	return why;
}

bool elf_same_machine(const struct elf_object *a, const struct elf_object *b)
{
	return a->machine == b->machine && a->elf_class == b->elf_class && a->data == b->data;
}
