/* SPDX-License-Identifier: Apache-2.0 */
/*
 * final_tree - the files of the image that was built, looked at without unpacking it.
 */
#include "builder/build/final_tree.h"

#include "builder/layer/apply.h"
#include "builder/step/listings.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the layers ---- */

static int
add_layer(
    struct final_tree *t, const struct final_layer *from, const char *snapshot, struct error *e)
{
	struct final_layer *layer;

	t->layers = xrealloc(t->layers, t->count + 1, sizeof(*t->layers));
	layer = &t->layers[t->count++];
	*layer = *from;
	layer->snapshot = snapshot ? xstrdup(snapshot) : NULL;
	layer->listing = listings_get(t->b->store, &layer->blob, &layer->diff_id, e);
	if (!layer->listing)
		return -1;
	tree_add_listing(t->tree, layer->listing);
	return 0;
}

static int
add_image(struct final_tree *t, const struct image_state *image, struct error *e)
{
	auto(chain) struct chain chain = { 0 };

	chain_of_image(t->b->store, &image->config, &chain);
	for (size_t i = 0; i < image->manifest.n_layers; i++) {
		struct final_layer layer = { .blob = image->manifest.layers[i].digest,
			.diff_id = image->config.diff_ids[i],
			.is_base = true };
		const char *id = i < chain.snapshots.count ? chain.snapshots.items[i] : NULL;

		if (add_layer(t, &layer, id, e) < 0)
			return -1;
	}
	return 0;
}

static int
add_stage(struct final_tree *t, const struct stage_state *stage, struct error *e)
{
	const struct plan_stage *plan = state_plan(t->b, stage);

	if (plan->base_kind == PLAN_BASE_STAGE && add_stage(t, &t->b->stages[plan->base], e) < 0)
		return -1;
	if (plan->base_kind == PLAN_BASE_IMAGE &&
	    add_image(t, state_image(t->b, plan->base), e) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct step_record *record = &stage->steps[i].record;
		const struct layer_record *made = step_record_layer(record, t->b->variant);
		struct final_layer layer = { .line = plan->steps[i].line };

		if (!step_makes_layer(&plan->steps[i]) || !made)
			continue;
		layer.blob = made->digest;
		layer.diff_id = made->diff_id;
		if (add_layer(t, &layer, record->snapshot, e) < 0)
			return -1;
	}
	return 0;
}

int
final_tree_open(struct final_tree *t, struct build *b, struct error *e)
{
	*t = (struct final_tree){ .b = b, .tree = tree_new() };
	return add_stage(t, &b->stages[b->plan.target], e);
}

void
final_tree_release(struct final_tree *t)
{
	tree_free(t->tree);
	for (size_t i = 0; i < t->count; i++) {
		listing_free(t->layers[i].listing);
		free(t->layers[i].snapshot);
	}
	free(t->layers);
	*t = (struct final_tree){ 0 };
}

/* ---- paths ---- */

static bool
has_entry(const struct final_layer *layer, const char *path, struct listing_item *item)
{
	size_t index = listing_find(layer->listing, path);

	if (index == SIZE_MAX)
		return false;
	listing_at(layer->listing, index, item);
	return !(item->flags & (LISTING_IMPLIED | LISTING_REMOVES));
}

const struct final_layer *
final_tree_layer(const struct final_tree *t, const char *path)
{
	struct listing_item item;

	for (size_t i = t->count; i-- > 0;)
		if (has_entry(&t->layers[i], path, &item))
			return &t->layers[i];
	return NULL;
}

bool
final_tree_has(const struct final_tree *t, const char *path, char **resolved)
{
	struct tree_place place = { 0 };
	struct error ignored = ERROR_INIT; /* a loop of links leads nowhere */
	bool has = tree_resolve(t->tree, path, &place, &ignored) == 0 && tree_place_exists(&place);

	if (has && resolved)
		*resolved = xstrdup(place.path);
	tree_place_release(&place);
	return has;
}

/* ---- content ---- */

/* The file in a snapshot; -1 when it cannot be read there. */
static int
open_in_snapshot(
    const struct final_tree *t, const struct final_layer *layer, const char *path, uint64_t size)
{
	struct error ignored = ERROR_INIT; /* the layer has it too */
	autofd int fs = -1, fd = -1;
	struct stat st;

	if (!layer->snapshot)
		return -1;
	fs = store_snapshot_open(t->b->store, layer->snapshot, &ignored);
	if (fs < 0)
		return -1;
	fd = path_try_open(fs, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, PATH_NO_SYMLINKS);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return -1;
	return steal_fd(&fd);
}

static int
pick(const struct final_tree *t, const struct final_layer *layer, const struct strv *paths,
    struct layer_file *files, struct error *e)
{
	struct layer_source source = { .fd = -1 };
	autofd int blob = store_blob_open(t->b->store, &layer->blob, NULL, e);
	autofd int out = -1;

	if (blob < 0)
		return -1;
	out = store_tmp_file(t->b->store, e);
	if (out < 0)
		return -1;
	source.fd = blob;
	if (layer_pick(&source, paths, out, files, e) < 0)
		return -1;
	return steal_fd(&out);
}

/* Where the content of @path is: the path itself, or what it is a hard link to. */
static const char *
content_path(const struct final_layer *layer, const char *path, struct listing_item *item)
{
	if (!has_entry(layer, path, item))
		return NULL;
	if (item->flags & LISTING_HARDLINK)
		return has_entry(layer, item->link, item) ? item->link : NULL;
	return path;
}

int
final_tree_read(const struct final_tree *t, const char *path, int *fd, struct file_range *range,
    struct error *e)
{
	const struct final_layer *layer = final_tree_layer(t, path);
	auto(strv) struct strv paths = { 0 };
	struct layer_file file = { 0 };
	struct listing_item item;
	autofree char *where = NULL;

	*fd = -1;
	if (!layer || !content_path(layer, path, &item))
		return 0;
	where = xstrdup(content_path(layer, path, &item));
	if (!S_ISREG(item.mode) || strchr(where, '\n'))
		return 0;
	*fd = open_in_snapshot(t, layer, where, item.size);
	*range = (struct file_range){ .fd = *fd, .size = item.size };
	if (*fd >= 0)
		return 1;
	strv_add(&paths, where);
	*fd = pick(t, layer, &paths, &file, e);
	*range = (struct file_range){ .fd = *fd, .offset = file.offset, .size = file.size };
	if (*fd >= 0 && !file.found)
		fd_close_at(fd);
	return *fd < 0 && e->kind != ERR_NONE ? -1 : *fd >= 0;
}

static void
append_range(const struct file_range *range, size_t max, struct buf *text)
{
	size_t length = range->size < max ? (size_t)range->size : max;

	if (length > 0)
		buf_added(text, file_range_read(range, 0, buf_reserve(text, length), length));
}

int
final_tree_text(
    const struct final_tree *t, const char *path, size_t max, struct buf *text, struct error *e)
{
	autofree char *resolved = NULL;
	struct file_range range;
	autofd int fd = -1;
	int found;

	if (!final_tree_has(t, path, &resolved))
		return 0;
	found = final_tree_read(t, resolved, &fd, &range, e);
	if (found == 1)
		append_range(&range, max, text);
	return found;
}

int
final_tree_texts(const struct final_tree *t, const struct final_layer *layer,
    const struct strv *paths, size_t max, struct buf *texts, struct error *e)
{
	autofree struct layer_file *files = xcalloc(paths->count + 1, sizeof(*files));
	autofd int out = pick(t, layer, paths, files, e);

	if (out < 0)
		return -1;
	for (size_t n = 0; n < paths->count; n++) {
		struct file_range range = { out, files[n].offset, files[n].size };

		if (files[n].found)
			append_range(&range, max, &texts[n]);
	}
	return 0;
}
