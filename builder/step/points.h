/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points - the mount points that every command needs, as a directory below all layers.
 *
 * What an image lacks of them shows through from there, so that nothing has to be made in the upper directory and removed
 * again, and a step that changes nothing leaves it empty. Where a layer hides one (a whiteout, an opaque folder, a link in
 * its place), the container makes it as before.
 */
#ifndef CROZE_BUILDER_STEP_POINTS_H
#define CROZE_BUILDER_STEP_POINTS_H

#include "runtime/base/error.h"

/** Makes them in the empty directory @dir. */
int points_make(int dir, struct error *e);

#endif
