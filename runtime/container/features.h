/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features - what config.json may ask for, as a document (runtime-spec, features.md, features-linux.md).
 */
#ifndef CROZE_CONTAINER_FEATURES_H
#define CROZE_CONTAINER_FEATURES_H

#include "runtime/base/json.h"

/** What this program recognizes, whatever the kernel below it has; lists come from the tables of the parsers. */
struct json *features_document(void);

#endif
