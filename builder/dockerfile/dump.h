/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump - a parsed Dockerfile as JSON, for tools.
 *
 *	{"version":1,"file":"Dockerfile","escape":"\\","syntax":"...","check":"...",
 *	 "stages":[{"index":0,"name":"build","line":1,"from":0,"image":"alpine"}],
 *	 "instructions":[{"name":"COPY","stage":0,"line":2,"column":1,"endLine":2,"text":"...",
 *	   "comment":"...","flags":[{"name","value","line","column"}],"form":"exec"|"shell",
 *	   "words":[{"text","line","column"}],"pairs":[{"name","value","line","column"}],
 *	   "heredocs":[{"name","body","expand","stripTabs","line"}],"trigger":{...}}],
 *	 "diagnostics":[{"severity","line","column","text","rule"}]}
 *
 * Members without content are left out; "stage" is missing before the first FROM. Words and values
 * are as they are written: nothing is expanded.
 */
#ifndef CROZE_DOCKERFILE_DUMP_H
#define CROZE_DOCKERFILE_DUMP_H

#include "builder/dockerfile/parser.h"
#include "runtime/base/json.h"

struct json *dump_dockerfile(const struct dockerfile *f, struct diagnostics *d);

#endif
