/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock - rules of Landlock as an annotation, which the specification has no member for.
 *
 *	"org.croze.landlock": "{\"execute\": [\"/\"], \"write\": [\"/tmp\"], \"noTcp\": true, \"scoped\": true}"
 */
#include "runtime/base/mem.h"
#include "runtime/oci/parts.h"
#include "runtime/oci/read.h"

#include <stdlib.h>
#include <string.h>

#define NAME "org.croze.landlock"
#define PATH "annotations['" NAME "']"

void
oci_landlock_release(struct oci_landlock *l)
{
	strv_release(&l->read);
	strv_release(&l->execute);
	strv_release(&l->write);
}

/* An annotation is ours alone, so that a member which is not known is a mistake. */
static int
check_members(const struct json *j, struct error *e)
{
	static const char *const known[] = { "read", "execute", "write", "noTcp", "scoped" };

	for (size_t i = 0; i < json_count(j); i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			found = found || strcmp(json_key_at(j, i), known[k]) == 0;
		if (!found)
			return error_set(e, ERR_INPUT,
			    "'" PATH "': '%s' is not one of read, execute, write, noTcp, scoped",
			    json_key_at(j, i));
	}
	return 0;
}

int
oci_landlock_read(const struct json *annotations, struct oci_landlock *l, struct error *e)
{
	const char *text = json_text(json_get(annotations, NAME));
	autojson struct json *j = NULL;

	if (!text)
		return 0;
	j = json_parse(text, strlen(text), e);
	if (!j)
		return error_ctx(e, "'" PATH "'");
	if (json_type(j) != JSON_OBJECT)
		return read_wrong_type(PATH, "the text of a JSON object", e);
	if (check_members(j, e) < 0 || read_paths(j, "read", PATH, &l->read, e) < 0 ||
	    read_paths(j, "execute", PATH, &l->execute, e) < 0 ||
	    read_paths(j, "write", PATH, &l->write, e) < 0 ||
	    json_read_bool(j, "noTcp", PATH, &l->no_tcp, e) < 0 ||
	    json_read_bool(j, "scoped", PATH, &l->scoped, e) < 0)
		return -1;
	l->given = true;
	return 0;
}
