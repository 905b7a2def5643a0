/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heredoc - finding << words in an instruction (Dockerfile reference, "Here-Documents").
 */
#ifndef CROZE_DOCKERFILE_HEREDOC_H
#define CROZE_DOCKERFILE_HEREDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heredoc {
	char *word;      /* the delimiter, quotes removed */
	uint32_t offset; /* of the word that holds it, in the instruction's text */
	uint32_t end;    /* behind the delimiter */
	bool has_number; /* a file descriptor stands in front: 3<<EOF */
	bool strip_tabs; /* <<- */
	bool expand;     /* no part of the delimiter was quoted */
	char *body; /* lines up to the delimiter, as they stand in the file, line ends included */
	uint32_t line; /* where the body begins */
};

struct heredocs {
	struct heredoc *items;
	size_t count;
	size_t room;
};

void heredocs_release(struct heredocs *h);
/**
 * Finds the heredocs that begin in @text: [digits]<<[-]WORD outside of quotes, comments of the
 * shell and $((arithmetic)). <<< is none. @base is added to the offsets.
 */
void heredocs_find(struct heredocs *h, const char *text, uint32_t base, char escape);
/** The body as a program reads it: without the tabs that <<- takes off each line. To be freed. */
char *heredoc_content(const struct heredoc *h);
/**
 * Is @text nothing but one heredoc of @h, blanks aside, that feeds standard input? Then it is the
 * script itself.
 */
bool heredoc_is_whole(const struct heredocs *h, const char *text, uint32_t base);
/** @text with all bodies and the lines that end them behind it, as a shell reads it. */
char *heredocs_join(const struct heredocs *h, const char *text);
/** Is @line (of @length bytes, line end removed) the one that ends @h? */
bool heredoc_ends(const struct heredoc *h, const char *line, size_t length);

#endif
