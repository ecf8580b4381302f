/* SPDX-License-Identifier: MIT */
/*
 * Where a dynamic loader looks for a library. glibc: elf/dl-load.c, _dl_map_object(); musl: ldso/dynlink.c,
 * load_library().
 */
#include "elfdeps_impl.h"

#include <stdio.h>
#include <string.h>

static bool try_file(struct ld_load *load, struct ld_request *rq, const char *dir, const char *below, bool variant)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s%s%s", dir, below, *below ? "/" : "", rq->name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return false;
	switch (ld_try(load, rq, path, !variant ? NULL : *below ? below : "$PLATFORM")) {
	case LD_FOUND:
		rq->found |= !variant;
		rq->variant_found |= variant;
		return !variant;
	case LD_BROKEN:
		return true;
	case LD_NOT_HERE:
		break;
	}
	return false;
}

/* True: the search is over. */
static bool try_path(struct ld_load *load, struct ld_request *rq, const struct ld_path *path)
{
	for (size_t i = 0; i < path->ndirs; i++) {
		struct ld_dir *dir = path->dirs[i];

		if (!ld_spend(load, 1)) {
			rq->why = "gives more places to look at than anybody can mean";
			return true;
		}
		if (!ld_dir_exists(load, dir))
			continue;
		for (size_t v = 0; v < dir->nvariants && !load->musl; v++)
			if (try_file(load, rq, dir->path, dir->variants[v], true))
				return true;
		if (try_file(load, rq, dir->path, "", path->conditional[i]))
			return true;
	}
	return false;
}

/* DT_RPATH of an object holds for what it needs and all below, but DT_RUNPATH beside it switches it off, and in
 * the object that needs the library switches off all of them. */
static bool try_rpaths(struct ld_load *load, struct ld_request *rq)
{
	bool main_done = false;

	if (rq->needed_by->elf.runpath)
		return false;
	for (struct ld_object *o = rq->needed_by; o; o = o->loader) {
		main_done |= o == load->objects[0];
		if (!o->elf.runpath && try_path(load, rq, ld_make_path(load, o, &o->rpath, o->elf.rpath, ":")))
			return true;
	}
	if (main_done || load->objects[0]->elf.runpath)
		return false;
	return try_path(
		load, rq,
		ld_make_path(load, load->objects[0], &load->objects[0]->rpath, load->objects[0]->elf.rpath, ":"));
}

static bool in_system_dir(const struct ld_load *load, const char *path)
{
	for (size_t i = 0; i < load->system_path.ndirs; i++) {
		const char *dir = load->system_path.dirs[i]->path;

		if (!strncmp(path, dir, strlen(dir)) && path[strlen(dir)] == '/')
			return true;
	}
	return false;
}

static bool try_cache(struct ld_load *load, struct ld_request *rq)
{
	struct ld_cache_hit hit;
	size_t at = 0;

	while (ld_cache_next(&load->cache, rq->name, &load->objects[0]->elf, &at, &hit)) {
		if (rq->needed_by->elf.no_default_dirs && in_system_dir(load, hit.path))
			continue;
		switch (ld_try(load, rq, hit.path, hit.variant ? "ld.so.cache" : NULL)) {
		case LD_FOUND:
			rq->found |= !hit.variant;
			rq->variant_found |= hit.variant;
			if (!hit.variant)
				return true;
			break;
		case LD_BROKEN:
			return true;
		case LD_NOT_HERE:
			break;
		}
	}
	return false;
}

static void search_glibc(struct ld_load *load, struct ld_request *rq)
{
	struct ld_object *by = rq->needed_by;

	if (try_rpaths(load, rq) || try_path(load, rq, &load->library_path) ||
	    try_path(load, rq, ld_make_path(load, by, &by->runpath, by->elf.runpath, ":")) || try_cache(load, rq) ||
	    by->elf.no_default_dirs)
		return;
	try_path(load, rq, &load->system_path);
}

/* DT_RUNPATH and DT_RPATH mean the same, that of every object up to the program is searched, and the first file that
 * has the name ends the search. */
static void search_musl(struct ld_load *load, struct ld_request *rq)
{
	if (try_path(load, rq, &load->library_path))
		return;
	for (struct ld_object *o = rq->needed_by; o; o = o->loader)
		if (try_path(load, rq,
			     ld_make_path(load, o, &o->rpath, o->elf.runpath ? o->elf.runpath : o->elf.rpath, ":\n")))
			return;
	try_path(load, rq, &load->system_path);
}

void ld_search(struct ld_load *load, struct ld_request *request)
{
	(load->musl ? search_musl : search_glibc)(load, request);
}
