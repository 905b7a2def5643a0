/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune - removing what nothing needs.
 *
 * First it is decided which step records stay, then what those and the names lead to is marked, then the rest is removed,
 * records first: at no moment does a record name what is gone.
 */
#include "builder/store/prune.h"

#include "builder/store/reach.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/** A step record or a cache mount: what goes by age and size. */
struct step {
	char *name; /* of its file or folder */
	bool is_mount;
	time_t used;
	struct json *record; /* NULL: damaged, or a mount */
	bool drop;
};

struct pruning {
	struct store *store;
	const struct prune_options *options;
	struct prune_result *result;
	struct step *steps; /* least recently used first */
	size_t n_steps;
	size_t room;
	struct reach from_names;
};

static void
pruning_release(struct pruning *p)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		free(p->steps[i].name);
		json_free(p->steps[i].record);
	}
	free(p->steps);
	reach_release(&p->from_names);
}

/* ---- directories ---- */

typedef int entry_visit(void *arg, int dir, const char *name, struct error *e);

static int
each_entry(int dir, entry_visit *visit, void *arg, struct error *e)
{
	autodir DIR *stream = fd_opendir(dir, e);
	const struct dirent *entry;

	if (!stream)
		return -1;
	while ((entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (visit(arg, dir, entry->d_name, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- reading what is there ---- */

static int
read_step(void *arg, int dir, const char *name, struct error *e)
{
	struct pruning *p = arg;
	auto(buf) struct buf b = { 0 };
	struct error ignored = ERROR_INIT;
	struct stat st;
	struct json *record = NULL;

	(void)e;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (record_read(dir, name, &b, &ignored) > 0)
		record = json_parse(buf_text(&b), b.len, &ignored);
	xgrow(&p->steps, p->n_steps, &p->room, sizeof(*p->steps));
	p->steps[p->n_steps++] = (struct step){
		.name = xstrdup(name),
		.used = st.st_mtime,
		.record = record,
	};
	return 0;
}

static int
read_mount(void *arg, int dir, const char *name, struct error *e)
{
	struct pruning *p = arg;

	(void)e;
	xgrow(&p->steps, p->n_steps, &p->room, sizeof(*p->steps));
	p->steps[p->n_steps++] = (struct step){
		.name = xstrdup(name),
		.is_mount = true,
		.used = mount_last_used(dir, name),
	};
	return 0;
}

static int
compare_steps(const void *a, const void *b)
{
	const struct step *x = a;
	const struct step *y = b;

	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
read_steps(struct pruning *p, struct error *e)
{
	if (each_entry(p->store->dirs[DIR_STEPS], read_step, p, e) < 0 ||
	    each_entry(p->store->dirs[DIR_MOUNTS], read_mount, p, e) < 0)
		return -1;
	if (p->n_steps > 1)
		qsort(p->steps, p->n_steps, sizeof(*p->steps), compare_steps);
	return 0;
}

static int
read_names(struct pruning *p, struct error *e)
{
	auto(store_names) struct store_names names = { 0 };

	if (store_names_list(p->store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (!names.items[i].name && (p->options->flags & PRUNE_UNNAMED)) {
			p->result->images++;
			continue;
		}
		reach_from_digest(p->store, &p->from_names, &names.items[i].digest);
	}
	/* Unpacked images are a cache, too. */
	if (p->options->flags & PRUNE_CACHE) {
		map_release(&p->from_names.snapshots);
		map_release(&p->from_names.listings);
	}
	return 0;
}

/* ---- deciding ---- */

static void
drop_old_steps(struct pruning *p)
{
	time_t now = time(NULL);
	uint64_t limit = p->options->keep_seconds;

	for (size_t i = 0; i < p->n_steps; i++) {
		struct step *s = &p->steps[i];

		if (p->options->flags & PRUNE_CACHE)
			s->drop = true;
		else if (!s->is_mount && (json_type(s->record) != JSON_OBJECT ||
					     !record_is_whole(p->store, s->record)))
			s->drop = true;
		else if (limit != UINT64_MAX && now > s->used && (uint64_t)(now - s->used) > limit)
			s->drop = true;
	}
}

/* How many kept records name each thing, so that its size goes away with the last of them. */
struct counter {
	struct pruning *p;
	struct map uses; /* "s/<id>", "b/<hex>" → struct use */
	uint64_t total;
};

struct use {
	size_t count;
	uint64_t size;
};

static struct use *
use_of(struct counter *c, enum store_dir dir, const char *name)
{
	autofree char *key = xasprintf("%d/%s", (int)dir, name);
	struct use *use = map_get(&c->uses, key);

	if (use)
		return use;
	use = xcalloc(1, sizeof(*use));
	use->size = disk_size(c->p->store->dirs[dir], name);
	c->total += use->size;
	(void)map_set(&c->uses, key, use); /* new */
	return use;
}

typedef void use_fn(struct counter *c, struct use *use);

static void
add_use(struct counter *c, struct use *use)
{
	(void)c;
	use->count++;
}

static void
remove_use(struct counter *c, struct use *use)
{
	if (--use->count == 0)
		c->total -= use->size;
}

static void
each_use(struct counter *c, const struct step *step, use_fn *fn)
{
	auto(reach) struct reach r = { 0 };

	if (step->is_mount)
		fn(c, use_of(c, DIR_MOUNTS, step->name));
	else
		reach_from_record(&r, step->record);
	for (size_t i = 0; i < r.snapshots.count; i++)
		fn(c, use_of(c, DIR_SNAPSHOTS, r.snapshots.items[i].key));
	for (size_t i = 0; i < r.blobs.count; i++)
		fn(c, use_of(c, DIR_BLOBS, r.blobs.items[i].key));
}

static void
drop_to_size(struct pruning *p)
{
	struct counter c = { .p = p };

	if (p->options->keep_bytes == UINT64_MAX)
		return;
	for (size_t i = 0; i < p->from_names.blobs.count; i++)
		add_use(&c, use_of(&c, DIR_BLOBS, p->from_names.blobs.items[i].key));
	for (size_t i = 0; i < p->from_names.snapshots.count; i++)
		add_use(&c, use_of(&c, DIR_SNAPSHOTS, p->from_names.snapshots.items[i].key));
	for (size_t i = 0; i < p->n_steps; i++)
		if (!p->steps[i].drop)
			each_use(&c, &p->steps[i], add_use);
	for (size_t i = 0; i < p->n_steps && c.total > p->options->keep_bytes; i++) {
		if (p->steps[i].drop)
			continue;
		p->steps[i].drop = true;
		each_use(&c, &p->steps[i], remove_use);
	}
	map_release_with(&c.uses, free);
}

/* ---- removing ---- */

static int
remove_entry(struct pruning *p, int dir, const char *name, size_t *count, struct error *e)
{
	p->result->bytes += disk_size(dir, name);
	++*count;
	if (p->options->flags & PRUNE_DRY_RUN)
		return 0;
	return tmp_discard(p->store, dir, name, e);
}

static int
remove_steps(struct pruning *p, struct reach *kept, struct error *e)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		const struct step *s = &p->steps[i];
		int dir = p->store->dirs[s->is_mount ? DIR_MOUNTS : DIR_STEPS];
		size_t *count = s->is_mount ? &p->result->mounts : &p->result->steps;

		if (!s->drop && !s->is_mount)
			reach_from_record(kept, s->record);
		if (s->drop && remove_entry(p, dir, s->name, count, e) < 0)
			return -1;
	}
	return 0;
}

static int
remove_unnamed(struct pruning *p, struct error *e)
{
	if (!(p->options->flags & PRUNE_UNNAMED) || (p->options->flags & PRUNE_DRY_RUN) ||
	    p->result->images == 0)
		return 0;
	return names_remove_unnamed(p->store, e);
}

struct sweep {
	struct pruning *p;
	const struct map *keep; /* NULL: by age */
	size_t *count;
};

static int
sweep_entry(void *arg, int dir, const char *name, struct error *e)
{
	struct sweep *s = arg;
	struct stat st;
	uint64_t limit = s->p->options->keep_seconds;
	time_t now = time(NULL);

	if (s->keep)
		return map_has(s->keep, name) ? 0 : remove_entry(s->p, dir, name, s->count, e);
	if (s->p->options->flags & PRUNE_CACHE)
		return remove_entry(s->p, dir, name, s->count, e);
	if (limit == UINT64_MAX || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    now < st.st_mtime || (uint64_t)(now - st.st_mtime) <= limit)
		return 0;
	return remove_entry(s->p, dir, name, s->count, e);
}

static int
sweep_all(struct pruning *p, const struct reach *kept, struct error *e)
{
	const struct {
		enum store_dir dir;
		const struct map *keep;
		size_t *count;
	} rows[] = {
		{ DIR_SNAPSHOTS, &kept->snapshots, &p->result->snapshots },
		{ DIR_BLOBS, &kept->blobs, &p->result->blobs },
		{ DIR_LISTINGS, &kept->listings, &p->result->listings },
		{ DIR_BUILDS, NULL, &p->result->builds },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sweep s = { .p = p, .keep = rows[i].keep, .count = rows[i].count };

		if (each_entry(p->store->dirs[rows[i].dir], sweep_entry, &s, e) < 0)
			return error_ctx(e, "cannot prune '%s'", store_dir_name(rows[i].dir));
	}
	return 0;
}

int
store_prune(struct store *store, const struct prune_options *options, struct prune_result *result,
    struct error *e)
{
	auto(pruning) struct pruning p = { .store = store, .options = options, .result = result };
	struct reach *kept = &p.from_names;

	*result = (struct prune_result){ 0 };
	if (!(store->flags & STORE_EXCLUSIVE))
		return error_set(e, ERR_HOST, "a store is pruned by one process that has it alone");
	if (read_names(&p, e) < 0 || read_steps(&p, e) < 0)
		return -1;
	drop_old_steps(&p);
	drop_to_size(&p);
	if (remove_unnamed(&p, e) < 0 || remove_steps(&p, kept, e) < 0)
		return -1;
	return sweep_all(&p, kept, e);
}

/* ---- usage ---- */

struct tally {
	uint64_t *bytes;
	size_t *count;
};

static int
tally_entry(void *arg, int dir, const char *name, struct error *e)
{
	struct tally *t = arg;

	(void)e;
	*t->bytes += disk_size(dir, name);
	if (t->count)
		++*t->count;
	return 0;
}

int
store_usage(struct store *store, struct store_usage *usage, struct error *e)
{
	auto(store_names) struct store_names names = { 0 };
	struct tally tallies[DIR_COUNT] = {
		[DIR_BLOBS] = { &usage->blob_bytes, &usage->blobs },
		[DIR_SNAPSHOTS] = { &usage->snapshot_bytes, &usage->snapshots },
		[DIR_STEPS] = { &usage->other_bytes, &usage->steps },
		[DIR_MOUNTS] = { &usage->mount_bytes, &usage->mounts },
	};

	*usage = (struct store_usage){ 0 };
	if (store_names_list(store, &names, e) < 0)
		return -1;
	usage->names = names.count;
	for (int i = 0; i < DIR_COUNT; i++) {
		if (store->dirs[i] < 0)
			continue;
		if (!tallies[i].bytes)
			tallies[i].bytes = &usage->other_bytes;
		if (each_entry(store->dirs[i], tally_entry, &tallies[i], e) < 0)
			return -1;
	}
	return 0;
}
