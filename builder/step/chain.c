/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain - the file tree of an image or a step, as a stack of snapshots.
 *
 * The lowest layer is unpacked into a plain directory, each further one through an overlay mount of those below,
 * so that links in its paths, hard links to lower files and whiteouts mean what they mean in the image.
 *
 * As many layers as can be stacked at once are: of a longer chain the lowest are merged to one snapshot, a round number of them, which
 * is kept and serves all that is made on top of them.
 */
#include "builder/step/chain.h"

#include "builder/layer/apply.h"
#include "builder/layer/collect.h"
#include "builder/layer/diff.h"
#include "builder/layer/merge.h"
#include "builder/step/arriving.h"
#include "builder/step/listings.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/fuseoverlay.h"
#include "runtime/sandbox/overlay.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MERGED_STEP 256 /* layers */

void
chain_release(struct chain *chain)
{
	strv_release(&chain->snapshots);
}

void
chain_of_image(const struct store *store, const struct image_config *config, struct chain *chain)
{
	char id[SNAPSHOT_ID_MAX + 1];
	struct digest chain_id;

	strv_clear(&chain->snapshots);
	for (size_t i = 0; i < config->n_diff_ids; i++) {
		image_config_chain_id(config, i + 1, &chain_id);
		store_snapshot_of_chain(store, &chain_id, id);
		strv_add(&chain->snapshots, id);
	}
}

/* Descriptors of the snapshots' directories. */
struct lowers {
	int *fds;
	size_t count;
};

static void
lowers_release(struct lowers *lowers)
{
	for (size_t i = 0; i < lowers->count; i++)
		fd_close_at(&lowers->fds[i]);
	free(lowers->fds);
}

static int
lowers_add(struct store *store, const char *id, struct lowers *lowers, struct error *e)
{
	int fd = store_snapshot_open(store, id, e);

	if (fd < 0)
		return -1;
	lowers->fds[lowers->count++] = fd;
	return 0;
}

/* ---- chains that are too long to be stacked ---- */

/* Returns 1 with the @id of the merged snapshot of the first @count, 0 when there is none, -1. */
static int
find_merged(struct store *store, const struct chain *chain, size_t count, struct digest *key,
    char id[SNAPSHOT_ID_MAX + 1], struct error *e)
{
	autohash struct hash *hash = hash_new();
	autojson struct json *record = NULL;
	const char *text;
	int found;

	hash_add_text(hash, "merged");
	for (size_t i = 0; i < count; i++)
		hash_add_text(hash, chain->snapshots.items[i]);
	hash_finish(hash, key);
	found = store_step_get(store, key, &record, e);
	if (found <= 0)
		return found;
	text = json_text(json_at(json_get(record, "snapshots"), 0));
	if (!text || strlen(text) > SNAPSHOT_ID_MAX)
		return 0;
	(void)snprintf(id, SNAPSHOT_ID_MAX + 1, "%s", text);
	return 1;
}

static int
keep_merged(struct store *store, const struct digest *key, const char *id, struct error *e)
{
	autojson struct json *record = json_new_object();

	json_append(json_set(record, "snapshots", json_new_array()), json_new_text(id));
	return store_step_put(store, key, record, e);
}

static int
fill_merged(const struct lowers *lowers, struct snapshot_writer *w, struct error *e)
{
	if (diff_prepare_upper(w->fs, lowers->fds[lowers->count - 1], e) < 0)
		return -1;
	return merge_layers(lowers->fds, lowers->count, w->fs, NULL, e);
}

/* The first @count, a multiple of MERGED_STEP, as one snapshot; made of the one for fewer. */
static int
merged_snapshot(struct store *store, const struct chain *chain, size_t count,
    char id[SNAPSHOT_ID_MAX + 1], struct error *e)
{
	auto(lowers) struct lowers lowers = { 0 };
	struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
	size_t first = count - MERGED_STEP;
	struct digest key;
	int ok = find_merged(store, chain, count, &key, id, e);

	if (ok != 0)
		return ok < 0 ? -1 : 0;
	lowers.fds = xcalloc(MERGED_STEP + 1, sizeof(*lowers.fds));
	if (first > 0 && (merged_snapshot(store, chain, first, id, e) < 0 ||
			     lowers_add(store, id, &lowers, e) < 0))
		return -1;
	for (size_t i = first; i < count; i++)
		if (lowers_add(store, chain->snapshots.items[i], &lowers, e) < 0)
			return -1;
	if (snapshot_writer_open(&w, store, e) < 0)
		return -1;
	id[0] = '\0';
	ok = fill_merged(&lowers, &w, e);
	if (ok == 0)
		ok = snapshot_writer_commit(&w, id, NULL, e);
	snapshot_writer_release(&w);
	if (ok < 0)
		return error_ctx(e, "cannot merge %zu layers", count);
	return keep_merged(store, &key, id, e);
}

/* How many of the lowest are merged, so that @others fit, too. */
static size_t
count_merged(const struct store *store, const struct chain *chain, size_t others)
{
	size_t count = chain->snapshots.count + others, merged = 0;

	if (store_driver(store) == STORE_COPY) /* is a merge of all of them */
		return 0;
	while (count - merged + (merged > 0) > OVERLAY_LOWERS_MAX)
		merged += MERGED_STEP;
	return merged;
}

static int
lowers_open(struct store *store, const struct chain *chain, int bottom, struct lowers *lowers,
    struct error *e)
{
	size_t merged = count_merged(store, chain, bottom >= 0);
	char id[SNAPSHOT_ID_MAX + 1];

	lowers->fds = xcalloc(chain->snapshots.count + 2, sizeof(*lowers->fds));
	if (bottom >= 0) {
		int fd = fcntl(bottom, F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return error_sys(e, "cannot copy a descriptor");
		lowers->fds[lowers->count++] = fd;
	}
	if (merged > 0 && (merged_snapshot(store, chain, merged, id, e) < 0 ||
			      lowers_add(store, id, lowers, e) < 0))
		return -1;
	for (size_t i = merged; i < chain->snapshots.count; i++)
		if (lowers_add(store, chain->snapshots.items[i], lowers, e) < 0)
			return -1;
	return 0;
}

/* One layer is its own tree. Of several the files are shared, as nobody changes what is opened so, and one tree serves all who open it. */
static int
open_copy(struct store *store, const struct chain *chain, struct lowers *lowers, struct error *e)
{
	auto(inodes) struct inodes shared = { 0 };
	autohash struct hash *hash = hash_new();
	char text[DIGEST_TEXT_LEN + 1];
	autofree char *path = NULL;
	struct digest key;
	int tree;

	if (lowers->count == 1)
		return steal_fd(&lowers->fds[0]);
	hash_add_text(hash, "open");
	for (size_t i = 0; i < chain->snapshots.count; i++)
		hash_add_text(hash, chain->snapshots.items[i]);
	hash_finish(hash, &key);
	tree = store_tmp_known(store, digest_text(&key, text));
	if (tree >= 0)
		return tree;
	tree = store_tmp_dir(store, &path, e);
	if (tree < 0)
		return -1;
	if (merge_layers(lowers->fds, lowers->count, tree, &shared, e) == 0)
		store_tmp_publish(store, path, text);
	else
		fd_close_at(&tree);
	return tree;
}

/* A tree that stands in for a mount: in it whole files are as those of the snapshots below, or shared with them. */
struct copy {
	int tree;
	bool is_linked;
	struct inodes shared;
	struct collect_state *state; /* of before the step */
};

static void
free_copy(void *arg)
{
	struct copy *copy = arg;

	fd_close_at(&copy->tree);
	collect_state_free(copy->state);
	inodes_release(&copy->shared);
	free(copy);
}

/* What the tree of the first @count is called, without what the next one has changed in it; @lowers has a folder of no layer first, or not. */
static int
name_kept(const struct chain *chain, size_t count, const struct lowers *lowers,
    const struct copy *copy, char name[SNAPSHOT_KEEP_MAX + 1], struct error *e)
{
	autohash struct hash *hash = hash_new();
	char text[DIGEST_TEXT_LEN + 1];
	struct digest key;
	struct stat st;

	if (lowers->count > chain->snapshots.count) {
		if (fstat(lowers->fds[0], &st) < 0)
			return error_sys(e, "cannot look at a folder");
		hash_add(hash, &st.st_dev, sizeof(st.st_dev));
		hash_add(hash, &st.st_ino, sizeof(st.st_ino));
	}
	for (size_t i = 0; i < count; i++)
		hash_add_text(hash, chain->snapshots.items[i]);
	hash_finish(hash, &key);
	/* whoever takes it must know which it is */
	(void)snprintf(name, SNAPSHOT_KEEP_MAX + 1, "%s-%s", copy->is_linked ? "link" : "copy",
	    digest_text(&key, text));
	return 0;
}

/* The folder work/ of a writer holds the tree, and for a linked one the table of what is shared beside it. */
#define COPY_TREE "tree"
#define COPY_TABLE "shared"

static int
open_table(const struct snapshot_writer *upper, int flags, struct error *e)
{
	int fd = openat(upper->work, COPY_TABLE, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? error_sys(e, "cannot open a table of files") : fd;
}

static int
read_table(struct copy *copy, const struct snapshot_writer *upper, struct error *e)
{
	autofd int fd = open_table(upper, O_RDONLY, e);

	return fd < 0 ? -1 : inodes_read(&copy->shared, fd, e);
}

static int
write_table(const struct copy *copy, const struct snapshot_writer *upper, struct error *e)
{
	autofd int fd = open_table(upper, O_WRONLY | O_CREAT | O_TRUNC, e);

	return fd < 0 ? -1 : inodes_write(&copy->shared, fd, e);
}

/* What the step before has left, in @taken, or an empty tree. */
static int
open_tree(struct copy *copy, const struct snapshot_writer *upper, bool taken, struct error *e)
{
	struct stat st;

	if (!taken && mkdirat(upper->work, COPY_TREE, 0700) < 0)
		return error_sys(e, "cannot make a work directory");
	copy->tree = openat(upper->work, COPY_TREE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy->tree < 0)
		return error_sys(e, "cannot open a work directory");
	if (taken && copy->is_linked && read_table(copy, upper, e) < 0)
		return -1;
	/* what no layer says of the root is as in the upper, whose place the copy takes */
	if (fstat(upper->fs, &st) < 0 || fchmod(copy->tree, st.st_mode & 07777) < 0)
		return error_sys(e, "cannot set the mode of a root directory");
	return 0;
}

/* Takes a tree of all snapshots, that a step has not changed, or of all but the last: 1 with what is missing from *@first on; 0; -1. */
static int
take_kept(const struct copy *copy, const struct chain *chain, const struct lowers *lowers,
    struct snapshot_writer *upper, size_t *first, struct error *e)
{
	size_t count = chain->snapshots.count;
	int taken;

	*first = lowers->count;
	if (name_kept(chain, count, lowers, copy, upper->keep, e) < 0)
		return -1;
	taken = snapshot_writer_take(upper, upper->keep, "", e);
	if (taken == 0 && count > 0) {
		*first = lowers->count - 1;
		if (name_kept(chain, count - 1, lowers, copy, upper->keep, e) < 0)
			return -1;
		taken =
		    snapshot_writer_take(upper, upper->keep, chain->snapshots.items[count - 1], e);
	}
	if (taken == 0)
		*first = 0;
	return taken;
}

/*
 * The copy is made where an overlay would have its work. It stays there when what a step has changed was moved to the upper, and serves the
 * next step, which then copies that change alone.
 */
static int
fill_copy(struct copy *copy, const struct chain *chain, const struct lowers *lowers,
    struct snapshot_writer *upper, struct error *e)
{
	struct inodes *shared = copy->is_linked ? &copy->shared : NULL;
	size_t first = 0;
	int taken = take_kept(copy, chain, lowers, upper, &first, e);

	if (taken < 0 || name_kept(chain, chain->snapshots.count, lowers, copy, upper->keep, e) < 0)
		return -1;
	if (open_tree(copy, upper, taken, e) < 0 ||
	    merge_layers(lowers->fds + first, lowers->count - first, copy->tree, shared, e) < 0)
		return -1;
	if (shared && write_table(copy, upper, e) < 0)
		return -1;
	copy->state = collect_remember(copy->tree, shared, e);
	return copy->state ? 0 : -1;
}

static int
mount_copy(const struct chain *chain, const struct lowers *lowers, bool linked,
    struct snapshot_writer *upper, struct error *e)
{
	struct copy *copy = xcalloc(1, sizeof(*copy));
	int root;

	copy->tree = -1;
	copy->is_linked = linked;
	upper->extra = copy;
	upper->free_extra = free_copy;
	if (fill_copy(copy, chain, lowers, upper, e) < 0)
		return -1;
	root = fcntl(copy->tree, F_DUPFD_CLOEXEC, 3);
	return root < 0 ? error_sys(e, "cannot copy a descriptor") : root;
}

const struct inodes *
chain_shared(const struct store *store, const struct snapshot_writer *upper)
{
	const struct copy *copy = upper->extra;

	return store_driver(store) == STORE_COPY && copy && copy->is_linked ? &copy->shared : NULL;
}

static int
mount_stack(const struct store *store, const struct overlay_spec *spec, struct error *e)
{
	return store_driver(store) == STORE_FUSE ? fuseoverlay_mount(spec, e)
	                                         : overlay_mount(spec, e);
}

int
chain_settle(struct store *store, int root, struct snapshot_writer *upper, struct error *e)
{
	const struct copy *copy = upper->extra;
	int result;

	if (store_driver(store) == STORE_FUSE)
		return fuseoverlay_settle(upper->fs, root, e);
	if (!upper->extra)
		return 0;
	result = collect_changes(copy->state, copy->tree, upper->fs, e);
	upper->free_extra(upper->extra);
	upper->extra = NULL;
	return result;
}

int
chain_open(struct store *store, const struct chain *chain, struct error *e)
{
	auto(lowers) struct lowers lowers = { 0 };
	struct overlay_spec spec = { .upper = -1, .work = -1 };

	if (chain->snapshots.count == 0)
		return store_tmp_dir(store, NULL, e);
	if (lowers_open(store, chain, -1, &lowers, e) < 0)
		return -1;
	if (store_driver(store) == STORE_COPY)
		return open_copy(store, chain, &lowers, e);
	spec.lowers = lowers.fds;
	spec.n_lowers = lowers.count;
	return mount_stack(store, &spec, e);
}

int
chain_open_beside(struct store *store, const struct chain *chain, int upper, struct error *e)
{
	auto(lowers) struct lowers lowers = { 0 };
	autofd int tree = -1;

	if (store_driver(store) != STORE_COPY || chain->snapshots.count < 2)
		return chain_open(store, chain, e);
	tree = store_tmp_dir(store, NULL, e);
	if (tree < 0 || lowers_open(store, chain, -1, &lowers, e) < 0 ||
	    merge_layers_like(lowers.fds, lowers.count, tree, upper, e) < 0)
		return -1;
	return steal_fd(&tree);
}

static int
mount_chain(struct store *store, const struct chain *chain, int bottom, bool linked,
    struct snapshot_writer *upper, struct error *e)
{
	auto(lowers) struct lowers lowers = { 0 };
	struct overlay_spec spec = { .upper = upper->fs, .work = upper->work };

	if (lowers_open(store, chain, bottom, &lowers, e) < 0)
		return -1;
	if (chain->snapshots.count > 0 &&
	    diff_prepare_upper(upper->fs, lowers.fds[lowers.count - 1], e) < 0)
		return -1;
	if (store_driver(store) == STORE_COPY)
		return mount_copy(chain, &lowers, linked, upper, e);
	spec.lowers = lowers.fds;
	spec.n_lowers = lowers.count;
	return mount_stack(store, &spec, e);
}

int
chain_mount(struct store *store, const struct chain *chain, int bottom,
    struct snapshot_writer *upper, struct error *e)
{
	return mount_chain(store, chain, bottom, false, upper, e);
}

int
chain_link(
    struct store *store, const struct chain *chain, struct snapshot_writer *upper, struct error *e)
{
	return mount_chain(store, chain, -1, true, upper, e);
}

static int
apply(struct store *store, const struct apply_root *root, const struct layer_source *source,
    struct strv *notes, struct error *e)
{
	autolisting struct listing *listing = NULL;
	struct apply_result result = { 0 };
	int ok = layer_apply(source, root, NULL, &listing, &result, e);

	if (ok == 0 && notes)
		strv_append(notes, &result.notes);
	apply_result_release(&result);
	if (ok < 0 || !listing || store_listing_has(store, source->diff_id))
		return ok;
	return listings_put(store, source->diff_id, listing, e);
}

static int
unpack(struct store *store, const struct chain *parents, const struct layer_source *source,
    char id[SNAPSHOT_ID_MAX + 1], struct strv *notes, struct error *e)
{
	struct snapshot_writer upper = SNAPSHOT_WRITER_INIT;
	char text[DIGEST_TEXT_LEN + 1];
	int root, ok = -1;

	if (snapshot_writer_open(&upper, store, e) < 0)
		return -1;
	root = chain_link(store, parents, &upper, e);
	if (root >= 0) {
		ok = apply(store, &(struct apply_root){ root, chain_shared(store, &upper) }, source,
		    notes, e);
		if (ok == 0)
			ok = chain_settle(store, root, &upper, e);
		(void)close(root); /* ends the mount; what was written is synced with the store */
	}
	if (ok == 0)
		ok = snapshot_writer_commit(&upper, id, NULL, e);
	snapshot_writer_release(&upper);
	return ok < 0 ? error_ctx(e, "cannot unpack layer %s", digest_text(source->digest, text))
	              : 0;
}

int
chain_unpack_layer(struct store *store, const struct chain *parents, const struct digest *blob,
    const struct digest *diff_id, char id[SNAPSHOT_ID_MAX + 1], struct strv *notes, struct error *e)
{
	autofd int fd = store_blob_open(store, blob, NULL, e);
	struct layer_source source = { .fd = fd, .digest = blob, .diff_id = diff_id };
	char text[DIGEST_TEXT_LEN + 1];

	if (fd < 0)
		return error_ctx(e, "cannot unpack layer %s", digest_text(blob, text));
	return unpack(store, parents, &source, id, notes, e);
}

/* While it comes; and anew, from the whole of it, when what came was not the layer. */
static int
unpack_arriving(struct store *store, const struct chain *parents, const struct descriptor *layer,
    const struct digest *diff_id, char id[SNAPSHOT_ID_MAX + 1], struct strv *notes, struct error *e)
{
	struct error problem = ERROR_INIT;
	bool was_whole = false;
	int ok = -1;

	while (ok < 0 && !was_whole) {
		auto(arriving) struct arriving a = ARRIVING_INIT;
		struct layer_source source = { .digest = &layer->digest, .diff_id = diff_id };

		if (arriving_open(store, layer, problem.kind != ERR_NONE, &a, e) < 0)
			return -1;
		error_clear(&problem);
		source.fd = a.fd;
		was_whole = a.is_whole;
		ok = unpack(store, parents, &source, id, notes, &problem);
	}
	if (ok < 0)
		*e = problem;
	return ok;
}

bool
chain_is_unpacked(struct store *store, const struct image_config *config)
{
	auto(chain) struct chain all = { 0 };

	chain_of_image(store, config, &all);
	/* the uppermost first: it is the one that is missing, if any is */
	for (size_t i = all.snapshots.count; i-- > 0;)
		if (!store_snapshot_has(store, all.snapshots.items[i]))
			return false;
	return true;
}

static int
unpack_image(struct store *store, const struct manifest *manifest,
    const struct image_config *config, bool is_arriving, struct strv *notes, struct error *e)
{
	auto(chain) struct chain all = { 0 };
	auto(chain) struct chain parents = { 0 };
	char id[SNAPSHOT_ID_MAX + 1];

	chain_of_image(store, config, &all);
	for (size_t i = 0; i < all.snapshots.count; i++) {
		const struct descriptor *layer = &manifest->layers[i];
		const struct digest *diff_id = &config->diff_ids[i];
		int ok = 0;

		(void)snprintf(id, sizeof(id), "%s", all.snapshots.items[i]);
		if (!store_snapshot_has(store, id))
			ok = is_arriving
			         ? unpack_arriving(store, &parents, layer, diff_id, id, notes, e)
			         : chain_unpack_layer(
				       store, &parents, &layer->digest, diff_id, id, notes, e);
		if (ok < 0)
			return -1;
		strv_add(&parents.snapshots, id);
	}
	return 0;
}

int
chain_unpack_image(struct store *store, const struct manifest *manifest,
    const struct image_config *config, struct strv *notes, struct error *e)
{
	return unpack_image(store, manifest, config, false, notes, e);
}

int
chain_unpack_arriving(struct store *store, const struct manifest *manifest,
    const struct image_config *config, struct strv *notes, struct error *e)
{
	return unpack_image(store, manifest, config, true, notes, e);
}
