/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml - the part of TOML 1.0 that configuration files of containers use, read into a JSON tree.
 *
 * Comments, [table], [[array of tables]], dotted and quoted keys, strings of one line, whole numbers, true and false, arrays
 * over many lines, inline tables. Dates, floats and strings of several lines are refused by name.
 */
#ifndef CROZE_REGISTRY_TOML_H
#define CROZE_REGISTRY_TOML_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"

/** An object; NULL with @e ERR_INPUT, which names the line. */
struct json *toml_parse(const char *text, size_t length, struct error *e);

#endif
