/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_heredoc - any text as the lines of an instruction with heredocs, in a file and in a trigger.
 */
#include "builder/dockerfile/expand.h"
#include "builder/dockerfile/parser.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char *
lookup(void *arg, const char *name)
{
	(void)arg;
	return name[0] == 'A' ? "a value" : NULL;
}

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/** What is promised of heredocs that were found in @text. */
static void
check_found(const char *text)
{
	struct heredocs h = { 0 };
	size_t length = strlen(text);
	uint32_t last = 0;
	autofree char *joined = NULL;

	heredocs_find(&h, text, 0, '\\');
	for (size_t i = 0; i < h.count; i++) {
		const struct heredoc *doc = &h.items[i];

		must(doc->word[0] != '\0');
		must(doc->offset >= last && doc->offset < doc->end && doc->end <= length);
		must(strncmp(text + doc->offset + strspn(text + doc->offset, "0123456789"), "<<",
			 2) == 0);
		last = doc->end;
	}
	joined = heredocs_join(&h, text);
	must(strncmp(joined, text, length) == 0);
	(void)heredoc_is_whole(&h, text, 0);
	heredocs_release(&h);
}

static void
check_instruction(const struct instruction *i)
{
	for (size_t n = 0; n < i->heredocs.count; n++) {
		const struct heredoc *doc = &i->heredocs.items[n];
		struct expansion x = { '\\', lookup, NULL, 0 };
		autofree char *content = doc->body ? heredoc_content(doc) : NULL;
		auto(buf) struct buf result = { 0 };
		struct error e = ERROR_INIT;

		must(doc->offset < strlen(i->text));
		if (!content)
			continue;
		must(strlen(content) <= strlen(doc->body));
		must(doc->strip_tabs || strcmp(content, doc->body) == 0);
		(void)expand_body(&x, content, &result, &e);
	}
	for (size_t n = 0; n < i->n_words; n++)
		must(i->words[n].offset <= strlen(i->text));
}

static void
parse(const char *format, const char *text)
{
	autofree char *file_text = NULL;
	struct diagnostics diagnostics;
	struct dockerfile file;
	auto(buf) struct buf b = { 0 };

	buf_printf(&b, "FROM a\n%s %s\n", format, text);
	file_text = buf_steal(&b);
	diagnostics_init(&diagnostics, "D");
	(void)dockerfile_parse(&file, file_text, strlen(file_text), &diagnostics);
	for (size_t n = 0; n < file.count; n++)
		check_instruction(&file.instructions[n]);
	dockerfile_release(&file);
	diagnostics_release(&diagnostics);
}

static void
parse_trigger(const char *format, const char *text)
{
	autofree char *trigger = xasprintf("%s %s", format, text);
	struct diagnostics diagnostics;
	struct instruction i;

	diagnostics_init(&diagnostics, "D");
	if (dockerfile_parse_trigger(&i, trigger, (struct location){ 3, 1 }, &diagnostics) == 0)
		check_instruction(&i);
	instruction_release(&i);
	diagnostics_release(&diagnostics);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	autofree char *text = xstrndup((const char *)bytes, length);

	check_found(text);
	parse("RUN", text);
	parse("COPY", text);
	parse("ONBUILD RUN", text);
	parse_trigger("RUN", text);
	parse_trigger("COPY", text);
	return 0;
}
