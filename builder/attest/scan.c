/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan - which software an image holds, by what package managers and programs in it say.
 */
#include "builder/attest/scan.h"

#include "builder/layer/apply.h"
#include "builder/step/listings.h"
#include "builder/step/tree.h"
#include "runtime/base/fd.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/landlock.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Bytes that are read out of a layer at a time, and what the parsing process may take. */
#define BATCH_MAX (1ULL << 30)
#define MEMORY_MAX (2ULL << 30)
#define SECONDS_MAX 300

/* ---- which files ---- */

static const struct {
	const char *path;
	parse_fn *parse;
} databases[] = {
	{ "var/lib/dpkg/status", dpkg_parse },
	{ "lib/apk/db/installed", apk_parse },
	{ "usr/lib/apk/db/installed", apk_parse },
	{ "var/lib/rpm/rpmdb.sqlite", rpm_parse },
	{ "usr/lib/sysimage/rpm/rpmdb.sqlite", rpm_parse },
	{ "usr/share/rpm/rpmdb.sqlite", rpm_parse },
	{ "var/lib/rpm/Packages", rpm_refuse },
	{ "usr/lib/sysimage/rpm/Packages", rpm_refuse },
	{ "usr/share/rpm/Packages", rpm_refuse },
	{ "var/lib/rpm/Packages.db", rpm_refuse },
	{ "usr/lib/sysimage/rpm/Packages.db", rpm_refuse },
};

/* Does the name of the folder that @path is in end so? A "/" at the beginning means all of the name. */
static bool
folder_ends_with(const char *path, const char *end)
{
	size_t length = strlen(end);
	const char *base = path_base(path);

	return (size_t)(base - path) >= length + 1 && strncmp(base - 1 - length, end, length) == 0;
}

/* .../node_modules/NAME/package.json or .../node_modules/@SCOPE/NAME/package.json */
static bool
is_installed_by_npm(const char *path)
{
	auto(strv) struct strv parts = { 0 };
	size_t n;

	strv_split(&parts, path, '/');
	n = parts.count;
	if (n >= 3 && strcmp(parts.items[n - 3], "node_modules") == 0)
		return parts.items[n - 2][0] != '.' && parts.items[n - 2][0] != '@';
	return n >= 4 && strcmp(parts.items[n - 4], "node_modules") == 0 &&
	       parts.items[n - 3][0] == '@';
}

static bool
is_python_metadata(const char *path, const char *name)
{
	if (strcmp(name, "METADATA") == 0)
		return folder_ends_with(path, ".dist-info");
	if (strcmp(name, "PKG-INFO") == 0)
		return folder_ends_with(path, ".egg-info") || folder_ends_with(path, "/EGG-INFO");
	return text_ends_with(name, ".egg-info");
}

parse_fn *
scan_parser(const char *path, bool is_executable)
{
	const char *name = path_base(path);

	for (size_t n = 0; n < ARRAY_LEN(databases); n++)
		if (strcmp(path, databases[n].path) == 0)
			return databases[n].parse;
	if (text_starts_with(path, "var/lib/dpkg/status.d/"))
		return text_ends_with(name, ".md5sums") ? NULL : dpkg_parse;
	if (strcmp(name, "package.json") == 0)
		return npm_parse;
	if (strcmp(name, "package-lock.json") == 0 || strcmp(name, ".package-lock.json") == 0)
		return npm_parse_lock;
	if (is_python_metadata(path, name))
		return python_parse;
	return is_executable || strstr(name, ".so") ? program_parse : NULL;
}

/* ---- the layers ---- */

/* Files of one layer that are read together. */
struct batch {
	struct strv paths;     /* where the content is, in the layer */
	struct strv locations; /* where it is found in the image */
	parse_fn **parsers;
	size_t room;
	uint64_t size;
};

struct scan {
	struct store *store;
	struct inventory *inv;
	struct listing **listings;
	size_t n_layers;
	struct tree *tree;
	struct map seen; /* files of the image that a layer further up has */
	char *os_release;
};

static void
scan_release(struct scan *s)
{
	tree_free(s->tree);
	for (size_t n = 0; n < s->n_layers; n++)
		listing_free(s->listings[n]);
	free(s->listings);
	map_release(&s->seen);
	free(s->os_release);
}

static void
batch_release(struct batch *b)
{
	strv_release(&b->paths);
	strv_release(&b->locations);
	free(b->parsers);
	*b = (struct batch){ 0 };
}

static int
open_layers(struct scan *s, const struct manifest *manifest, const struct image_config *config,
    struct error *e)
{
	if (image_config_check_layers(config, manifest->n_layers, e) < 0)
		return -1;
	s->tree = tree_new();
	s->listings = xcalloc(manifest->n_layers + 1, sizeof(struct listing *));
	for (; s->n_layers < manifest->n_layers; s->n_layers++) {
		struct listing *listing = listings_get(s->store,
		    &manifest->layers[s->n_layers].digest, &config->diff_ids[s->n_layers], e);

		if (!listing)
			return -1;
		s->listings[s->n_layers] = listing;
		tree_add_listing(s->tree, listing);
	}
	return 0;
}

/* Is there anything at @path? */
static bool
has(const struct scan *s, const char *path)
{
	struct tree_place place = { 0 };
	struct error ignored = ERROR_INIT; /* a loop of links leads nowhere */
	bool there =
	    tree_resolve(s->tree, path, &place, &ignored) == 0 && tree_place_exists(&place);

	tree_place_release(&place);
	return there;
}

/* Where os-release(5) is, behind links; NULL when it is nowhere. */
static char *
find_os_release(const struct scan *s)
{
	static const char *const paths[] = { "etc/os-release", "usr/lib/os-release" };
	char *found = NULL;

	for (size_t n = 0; !found && n < ARRAY_LEN(paths); n++) {
		struct tree_place place = { 0 };
		struct error ignored = ERROR_INIT;

		if (tree_resolve(s->tree, paths[n], &place, &ignored) == 0 &&
		    tree_place_exists(&place) && S_ISREG(place.item.mode))
			found = xstrdup(place.path);
		tree_place_release(&place);
	}
	return found;
}

/* Does a folder above @path stand in its layer as such, so that a link in another layer cannot be meant? */
static bool
has_own_folders(const struct listing *l, size_t index)
{
	struct listing_item item;

	for (;;) {
		listing_at(l, index, &item);
		if (item.parent == 0)
			return false;
		index = item.parent;
		listing_at(l, index, &item);
		if (!(item.flags & LISTING_IMPLIED))
			return true;
	}
}

/*
 * Where the file of record @index is in the image; NULL when a layer above has removed or replaced it. A layer may have
 * "lib/x" where a layer below has a link "lib": then it is where the link points.
 */
static char *
place_of(const struct scan *s, const struct listing *l, size_t index, const char *path)
{
	struct listing_item item;
	struct tree_place place = { 0 };
	struct error ignored = ERROR_INIT;
	char *where = NULL;

	listing_at(l, index, &item);
	if (tree_resolve(s->tree, path, &place, &ignored) == 0 && tree_place_exists(&place) &&
	    (strcmp(place.path, path) == 0 || !has_own_folders(l, index)) &&
	    place.item.mode == item.mode && place.item.mtime.tv_sec == item.mtime.tv_sec &&
	    !map_has(&s->seen, place.path))
		where = xstrdup(place.path);
	tree_place_release(&place);
	return where;
}

/* package.json of a program that is not installed by npm: with its packages beside it, else it is only some file. */
static bool
is_root_of_npm(const struct scan *s, const char *path)
{
	static const char *const beside[] = { "node_modules", "package-lock.json" };

	for (size_t n = 0; n < ARRAY_LEN(beside); n++) {
		autofree char *other =
		    xasprintf("%.*s%s", (int)(path_base(path) - path), path, beside[n]);

		if (has(s, other))
			return true;
	}
	return false;
}

static parse_fn *
parser_of(const struct scan *s, const char *where, mode_t mode)
{
	parse_fn *parse = scan_parser(where, mode & 0111);

	if (s->os_release && strcmp(where, s->os_release) == 0)
		return os_release_parse;
	if (parse == npm_parse && !is_installed_by_npm(where) && !is_root_of_npm(s, where))
		return NULL;
	return parse;
}

static void
batch_add(struct batch *b, const char *path, char *location, parse_fn *parse, uint64_t size)
{
	(void)xgrow(&b->parsers, b->paths.count, &b->room, sizeof(*b->parsers));
	b->parsers[b->paths.count] = parse;
	strv_add(&b->paths, path);
	strv_take(&b->locations, location);
	b->size += size;
}

/* ---- parsing, in a process of its own ---- */

struct parsing {
	const struct batch *batch;
	const struct layer_file *files;
	int fd;
};

/* Of all that the process could reach, nothing is left but the bytes, and the way to answer. */
static int
confine(struct error *e)
{
	struct rlimit limit = { SECONDS_MAX, SECONDS_MAX };

	(void)setrlimit(RLIMIT_CPU, &limit); /* lowering never fails */
#ifndef CROZE_SANITIZED
	limit.rlim_cur = limit.rlim_max = MEMORY_MAX;
	(void)setrlimit(RLIMIT_AS, &limit);
#endif
	return strict_parse(e);
}

static int
parse_main(void *arg, struct buf *result, struct error *e)
{
	const struct parsing *p = arg;
	auto(inventory) struct inventory inv = { 0 };

	if (confine(e) < 0)
		return -1;
	for (size_t n = 0; n < p->batch->paths.count; n++) {
		struct file_range range = { p->fd, p->files[n].offset, p->files[n].size };

		if (p->files[n].found)
			p->batch->parsers[n](&range, p->batch->locations.items[n], &inv);
		else
			inventory_note(&inv, "%s is not in its layer", p->batch->paths.items[n]);
	}
	inventory_write(&inv, result);
	return 0;
}

static int
parse(struct scan *s, const struct batch *batch, const struct layer_file *files, int fd,
    struct error *e)
{
	struct parsing parsing = { batch, files, fd };
	auto(buf) struct buf answer = { 0 };
	struct worker worker;

	if (worker_start(&worker, parse_main, &parsing, e) < 0)
		return -1;
	if (worker_finish(&worker, &answer, e) < 0)
		return error_ctx(e, "reading what says which packages there are");
	return inventory_read(s->inv, &answer, e);
}

static int
read_batch(struct scan *s, const struct descriptor *layer, struct batch *batch, struct error *e)
{
	autofree struct layer_file *files = xcalloc(batch->paths.count + 1, sizeof(*files));
	struct layer_source source = { .fd = -1, .digest = &layer->digest };
	autofd int blob = -1, out = -1;
	int ok = 0;

	if (batch->paths.count > 0) {
		blob = store_blob_open(s->store, &layer->digest, NULL, e);
		out = blob < 0 ? -1 : store_tmp_file(s->store, e);
		source.fd = blob;
		ok = out < 0 || layer_pick(&source, &batch->paths, out, files, e) < 0 ||
		             parse(s, batch, files, out, e) < 0
		         ? -1
		         : 0;
	}
	batch_release(batch);
	return ok;
}

/* The record that has the content: that of the first name, of a file with several. */
static const char *
content_of(const struct listing *l, const char *path, struct listing_item *item)
{
	size_t index;

	if (!(item->flags & LISTING_HARDLINK))
		return path;
	index = listing_find(l, item->link);
	if (index == SIZE_MAX)
		return NULL;
	path = item->link;
	listing_at(l, index, item);
	return path;
}

/* Adds record @index of a layer to the batch when it says something of packages. */
static void
consider(
    struct scan *s, const struct listing *l, size_t index, struct map *taken, struct batch *batch)
{
	auto(buf) struct buf path = { 0 };
	struct listing_item item;
	const char *content;
	char *where;
	parse_fn *parser;

	listing_at(l, index, &item);
	if (!S_ISREG(item.mode) || item.flags & (LISTING_IMPLIED | LISTING_REMOVES))
		return;
	listing_add_path(l, index, &path);
	if (!scan_parser(buf_text(&path), item.mode & 0111) && !strstr(item.name, "os-release"))
		return;
	where = place_of(s, l, index, buf_text(&path));
	parser = where ? parser_of(s, where, item.mode) : NULL;
	content = parser ? content_of(l, buf_text(&path), &item) : NULL;
	if (where)
		(void)map_set(&s->seen, where, s);
	if (!content || !S_ISREG(item.mode) || strchr(content, '\n') || map_has(taken, content)) {
		free(where);
		return;
	}
	(void)map_set(taken, content, s);
	batch_add(batch, content, where, parser, item.size);
}

static int
scan_layer(struct scan *s, const struct listing *l, const struct descriptor *layer, struct error *e)
{
	auto(map) struct map taken = { 0 };
	struct batch batch = { 0 };

	for (size_t index = 1; index < listing_count(l); index++) {
		consider(s, l, index, &taken, &batch);
		if (batch.size > BATCH_MAX && read_batch(s, layer, &batch, e) < 0)
			return -1;
	}
	return read_batch(s, layer, &batch, e);
}

int
inventory_scan(struct store *store, const struct manifest *manifest,
    const struct image_config *config, struct inventory *inv, struct error *e)
{
	struct scan s = { .store = store, .inv = inv };
	int ok = open_layers(&s, manifest, config, e);

	if (ok == 0)
		s.os_release = find_os_release(&s);
	for (size_t n = s.n_layers; ok == 0 && n-- > 0;) {
		char text[DIGEST_TEXT_LEN + 1];

		ok = scan_layer(&s, s.listings[n], &manifest->layers[n], e);
		if (ok < 0)
			error_ctx(e, "layer %s", digest_text(&manifest->layers[n].digest, text));
	}
	scan_release(&s);
	if (ok == 0)
		inventory_finish(inv);
	return ok;
}
