/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain - the file tree of an image or a step, as a stack of snapshots.
 *
 * Snapshots of base images are known by the chain ID of their layers, so images share them. All of this
 * needs the user namespace that owns the ids of the snapshots.
 */
#ifndef CROZE_BUILDER_STEP_CHAIN_H
#define CROZE_BUILDER_STEP_CHAIN_H

#include "builder/image/config.h"
#include "builder/image/manifest.h"
#include "builder/step/record.h"
#include "builder/store/store.h"
#include "runtime/base/inodes.h"
#include "runtime/base/strv.h"

struct chain {
	struct strv snapshots; /* ids, lowest first; none: an empty tree */
};

void chain_release(struct chain *chain);

/** Snapshot ids of an image's layers, whether they are there or not. */
void chain_of_image(
    const struct store *store, const struct image_config *config, struct chain *chain);
/** Has every layer of the image a snapshot? */
bool chain_is_unpacked(struct store *store, const struct image_config *config);
/** Unpacks those of the image's layers that have no snapshot yet. @notes (may be NULL) gets what was not kept as it was. */
int chain_unpack_image(struct store *store, const struct manifest *manifest,
    const struct image_config *config, struct strv *notes, struct error *e);
/**
 * The same while another process of this build brings the layers: each is unpacked as it comes, and made a snapshot when all of it
 * has come and is what the image says.
 */
int chain_unpack_arriving(struct store *store, const struct manifest *manifest,
    const struct image_config *config, struct strv *notes, struct error *e);
/**
 * Makes a snapshot of @layer over @parents. @id: the name it gets, or "" for a fresh one, filled in.
 */
int chain_unpack_layer(struct store *store, const struct chain *parents, const struct digest *blob,
    const struct digest *diff_id, char id[SNAPSHOT_ID_MAX + 1], struct strv *notes,
    struct error *e);

/** A read-only view of the tree: the descriptor of a detached mount, or of a directory. */
int chain_open(struct store *store, const struct chain *chain, struct error *e);
/** The same for diff_upper() beside @upper, a snapshot over it: on copies there is no more in it than that looks at. */
int chain_open_beside(struct store *store, const struct chain *chain, int upper, struct error *e);
/**
 * A writable view: changes go to @upper, a fresh snapshot, which gets the metadata of the root below first.
 * @bottom: a directory below all of them, or -1. The mount lives as long as the descriptor.
 */
int chain_mount(struct store *store, const struct chain *chain, int bottom,
    struct snapshot_writer *upper, struct error *e);
/**
 * The same for who changes no file or link in its place: where copies stand in for mounts, they are further names of the snapshots' files
 * (merge_layers()), of which chain_shared() tells.
 */
int chain_link(
    struct store *store, const struct chain *chain, struct snapshot_writer *upper, struct error *e);
/** The files of what was mounted with @upper that are those of snapshots; NULL: none is. Valid until chain_settle(). */
const struct inodes *chain_shared(const struct store *store, const struct snapshot_writer *upper);
/**
 * Once what was mounted, @root, is at rest, and before @upper is committed or looked at: what was written is in it then. It cannot be
 * written to afterwards. When that is nothing, snapshot_writer_keep() lets what stood in for a mount serve whoever mounts the same next.
 */
int chain_settle(struct store *store, int root, struct snapshot_writer *upper, struct error *e);

#endif
