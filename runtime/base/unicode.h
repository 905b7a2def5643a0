/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unicode - reading UTF-8 one character at a time.
 */
#ifndef CROZE_BASE_UNICODE_H
#define CROZE_BASE_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/**
 * Decodes the character at @text (@length > 0 bytes). Returns how many bytes it takes, 0 when they are no UTF-8:
 * overlong forms, surrogates and what is above U+10FFFF are none (RFC 3629).
 */
size_t unicode_decode(const char *text, size_t length, uint32_t *code);
/** Offset of the first byte that is no UTF-8; @length when all of it is. */
size_t unicode_check(const char *text, size_t length);

#endif
