/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - what was found in a Dockerfile, in the forms that tools read.
 */
#ifndef CROZE_DOCKERFILE_REPORT_H
#define CROZE_DOCKERFILE_REPORT_H

#include "builder/dockerfile/parser.h"
#include "runtime/base/json.h"

/**
 * The object that the reference frontend's check gives: "warnings" with ruleName, description, url,
 * detail and location, "sources" with the file in base64; errors as "buildError" and, all of them,
 * as "errors". Sorts @d.
 */
struct json *report_json(const struct dockerfile *f, struct diagnostics *d);
/** A log of SARIF 2.1.0 (OASIS): one run, the rules of the table, a result each finding. */
struct json *report_sarif(const struct dockerfile *f, struct diagnostics *d);
/** A place as the reference frontend writes it. @end_line is @at.line for one line. */
struct json *report_location(struct location at, uint32_t end_line);
/** The file as a member of "sources". */
struct json *report_source(const struct dockerfile *f, const char *file);

#endif
