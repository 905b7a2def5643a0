/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strv - a list of strings, each owned by the list, NULL-terminated for execve().
 */
#include "runtime/base/strv.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

void
strv_release(struct strv *v)
{
	int saved = errno;

	strv_clear(v);
	free(v->items);
	*v = (struct strv){ 0 };
	errno = saved;
}

void
strv_clear(struct strv *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->items[i]);
	v->count = 0;
	if (v->items)
		v->items[0] = NULL;
}

void
strv_add(struct strv *v, const char *text)
{
	strv_take(v, xstrdup(text));
}

void
strv_take(struct strv *v, char *text)
{
	xgrow(&v->items, v->count + 1, &v->room, sizeof(*v->items));
	v->items[v->count++] = text;
	v->items[v->count] = NULL;
}

void
strv_printf(struct strv *v, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	strv_take(v, xvasprintf(format, arguments));
	va_end(arguments);
}

void
strv_copy(struct strv *to, const struct strv *from)
{
	struct strv copy = { 0 };

	strv_append(&copy, from);
	strv_release(to);
	*to = copy;
}

void
strv_append(struct strv *to, const struct strv *from)
{
	size_t n = from->count; /* a list can be appended to itself */

	for (size_t i = 0; i < n; i++)
		strv_add(to, from->items[i]);
}

void
strv_remove(struct strv *v, size_t index)
{
	assert(index < v->count);
	free(v->items[index]);
	memmove(v->items + index, v->items + index + 1, (v->count - index) * sizeof(*v->items));
	v->count--;
}

bool
strv_has(const struct strv *v, const char *text)
{
	for (size_t i = 0; i < v->count; i++) {
		if (strcmp(v->items[i], text) == 0)
			return true;
	}
	return false;
}

bool
strv_equal(const struct strv *a, const struct strv *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

static int
compare_items(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
strv_sort(struct strv *v)
{
	if (v->count > 1)
		qsort(v->items, v->count, sizeof(*v->items), compare_items);
}

void
strv_split(struct strv *v, const char *text, char separator)
{
	for (;;) {
		const char *end = strchrnul(text, separator);

		strv_take(v, xstrndup(text, (size_t)(end - text)));
		if (*end == '\0')
			return;
		text = end + 1;
	}
}

char *
strv_join(const struct strv *v, const char *separator)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			buf_add_text(&b, separator);
		buf_add_text(&b, v->items[i]);
	}
	return buf_steal(&b);
}

char *const *
strv_array(const struct strv *v)
{
	static char *const none[] = { NULL };

	return v->items ? v->items : none;
}

static size_t
env_find(const struct strv *v, const char *name)
{
	size_t length = strlen(name);
	size_t i;

	for (i = 0; i < v->count; i++) {
		if (strncmp(v->items[i], name, length) == 0 && v->items[i][length] == '=')
			break;
	}
	return i;
}

const char *
env_get(const struct strv *v, const char *name)
{
	size_t i = env_find(v, name);

	return i < v->count ? v->items[i] + strlen(name) + 1 : NULL;
}

void
env_set(struct strv *v, const char *name, const char *value)
{
	size_t i = env_find(v, name);
	char *item = xasprintf("%s=%s", name, value);

	if (i == v->count) {
		strv_take(v, item);
		return;
	}
	free(v->items[i]);
	v->items[i] = item;
}

void
env_unset(struct strv *v, const char *name)
{
	size_t i = env_find(v, name);

	if (i < v->count)
		strv_remove(v, i);
}
