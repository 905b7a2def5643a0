/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_lexer - any bytes as a Dockerfile, as far as its lines, instructions, words and flags go; each has to have its place.
 */
#include "builder/dockerfile/parser.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_place(const struct dockerfile *f, const struct instruction *i, uint32_t offset)
{
	struct location at = instruction_locate(i, offset);

	must(offset <= strlen(i->text));
	must(at.line >= i->line && at.line <= i->end_line && at.line <= f->n_lines);
	must(at.column >= 1);
}

static void
check_instruction(const struct dockerfile *f, const struct instruction *i, uint32_t behind)
{
	must(i->def && i->text);
	must(i->line > behind && i->end_line >= i->line && i->end_line <= f->n_lines);
	must(i->arguments <= strlen(i->text));
	for (size_t n = 0; n < i->n_flags; n++)
		check_place(f, i, i->flags[n].offset);
	for (size_t n = 0; n < i->n_words; n++)
		check_place(f, i, i->words[n].offset);
	for (size_t n = 0; n < i->n_pairs; n++) {
		check_place(f, i, i->pairs[n].offset);
		check_place(f, i, i->pairs[n].value_offset);
	}
	for (size_t n = 1; n < i->n_segments; n++)
		must(i->segments[n].offset >= i->segments[n - 1].offset);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct diagnostics diagnostics;
	struct dockerfile f;
	uint32_t behind = 0;
	size_t next = 0;
	int result;

	diagnostics_init(&diagnostics, "Dockerfile");
	result = dockerfile_parse(&f, (const char *)bytes, length, &diagnostics);
	must((result < 0) == (diagnostics.n_errors > 0));
	for (size_t n = 0; n < f.count; n++) {
		check_instruction(&f, &f.instructions[n], behind);
		behind = f.instructions[n].end_line;
	}
	for (size_t n = 0; n < f.n_stages; n++) {
		must(f.stages[n].from >= next && f.stages[n].first == f.stages[n].from + 1);
		next = f.stages[n].first + f.stages[n].count;
		must(next <= f.count);
	}
	must(result < 0 || f.is_object || (f.n_stages > 0 && next == f.count));
	dockerfile_release(&f);
	diagnostics_release(&diagnostics);
	return 0;
}
