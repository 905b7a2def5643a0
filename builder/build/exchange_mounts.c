/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange_mounts - cache mounts as layers, and back.
 *
 * Both are done by a worker: the files have the ids of the build's namespace, which this process need not be in.
 */
#include "builder/build/exchange.h"

#include "builder/layer/apply.h"
#include "builder/step/mounts.h"
#include "builder/step/pack.h"
#include "builder/store/mounts.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/tier.h"
#include "seccomp/owner.h"

#include <unistd.h>

struct request {
	struct build *build;
	const char *id;                  /* packing */
	const struct mountspec *spec;    /* unpacking */
	const struct cache_layer *layer; /* unpacking */
};

static int
enter(struct build *b, struct error *e)
{
	struct userns userns;

	if (b->in_namespace)
		return 0;
	if (b->tier == TIER_NONE)
		return error_set(
		    e, ERR_HOST, "it needs a user namespace, and the isolation is none");
	if (tier_enter(b->tier, &userns, e) < 0)
		return -1;
	return store_reopen(b->store, e);
}

static int
pack_main(void *arg, struct buf *result, struct error *e)
{
	const struct request *r = arg;
	struct build *b = r->build;
	struct store_mount m = STORE_MOUNT_INIT;
	struct layer_record layer = { 0 };
	struct json *json;
	int ok;

	if (enter(b, e) < 0 ||
	    store_mount_open(b->store, r->id, STORE_MOUNT_SHARED, NULL, NULL, &m, e) < 0)
		return -1;
	ok = pack_snapshot(b->store, m.fs, -1, &b->layers, NULL, &layer, e);
	store_mount_close(&m);
	if (ok < 0)
		return -1;
	layer.variant = xstrdup(b->variant);
	json = layer_record_to_json(&layer);
	json_write(json, 0, result);
	json_free(json);
	layer_record_release(&layer);
	return 0;
}

int
exchange_pack_mount(struct build *b, const char *id, struct cache_layer *layer, struct error *e)
{
	struct request r = { .build = b, .id = id };
	struct layer_record record = { 0 };
	autojson struct json *json = NULL;

	if (!store_mount_has(b->store, id))
		return 0;
	json = state_ask_worker(b, pack_main, &r, e);
	if (!json || layer_record_from_json(json, &record, e) < 0)
		return -1;
	exchange_tell_layer(b, &record, layer);
	layer_record_release(&record);
	return 1;
}

static int
unpack_main(void *arg, struct buf *result, struct error *e)
{
	const struct request *r = arg;
	struct build *b = r->build;
	struct store_mount m = STORE_MOUNT_INIT;
	struct layer_source source = { .digest = &r->layer->digest, .diff_id = &r->layer->diff_id };
	autofd int blob = -1;
	int ok = 0;

	if (enter(b, e) < 0)
		return -1;
	blob = store_blob_open(b->store, &r->layer->digest, NULL, e);
	if (blob < 0 ||
	    store_mount_open(b->store, r->spec->id, STORE_MOUNT_LOCKED, NULL, NULL, &m, e) < 0)
		return -1;
	source.fd = blob;
	if (m.fresh) {
		ok = layer_apply(&source, &(struct apply_root){ m.fs, NULL }, NULL, NULL, NULL, e);
		if (ok == 0)
			ok = mounts_give_cache(m.fs, r->spec, owner_is_recorded(), e);
		if (ok == 0)
			ok = store_mount_commit(&m, e);
	}
	store_mount_close(&m);
	buf_add_text(result, "{}");
	return ok < 0 ? -1 : 0; /* 1: another build was faster */
}

int
exchange_unpack_mount(
    struct build *b, const struct mountspec *spec, const struct cache_layer *layer, struct error *e)
{
	struct request r = { .build = b, .spec = spec, .layer = layer };
	autojson struct json *json = state_ask_worker(b, unpack_main, &r, e);

	return json ? 0 : -1;
}
