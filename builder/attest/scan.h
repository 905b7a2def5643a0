/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan - which software an image holds, by what package managers and programs in it say.
 *
 * The files are found by the listings of the layers, merged as a container would see them: what an upper layer removes
 * or replaces is not there. Nothing is unpacked and no link is followed outside: the content of the files that say
 * something is read out of the layers by croze-unpack and parsed in a process without file system, network and time.
 */
#ifndef CROZE_ATTEST_SCAN_H
#define CROZE_ATTEST_SCAN_H

#include "builder/attest/parsers.h"
#include "builder/image/config.h"
#include "builder/image/manifest.h"
#include "builder/store/store.h"

/**
 * Fills the empty @inv, finished, with what the image in @store holds. What could not be read is in its notes.
 * ERR_INPUT for an image that is damaged, ERR_NOT_FOUND for a layer that is not in the store.
 */
int inventory_scan(struct store *store, const struct manifest *manifest,
    const struct image_config *config, struct inventory *inv, struct error *e);

/** What reads the file at @path (without leading '/') of that mode; NULL when it says nothing. */
parse_fn *scan_parser(const char *path, bool is_executable);

#endif
