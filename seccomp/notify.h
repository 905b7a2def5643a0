/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify - system calls that another process answers (seccomp_unotify(2)).
 *
 * The filter stands beside the one that refuses: where both speak, the refusal wins. Nothing here is a boundary of security: a notified
 * call that goes on is looked at by the kernel once more, with arguments that may have changed.
 */
#ifndef CROZE_SECCOMP_NOTIFY_H
#define CROZE_SECCOMP_NOTIFY_H

#include "runtime/base/error.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One call that is notified, always or by one argument: by its lower 32 bits, or by whether it is 0. */
struct notify_call {
	uint32_t number;
	unsigned char argument;
	enum {
		NOTIFY_ALWAYS,
		NOTIFY_IF_BITS,
		NOTIFY_IF_EQUAL,
		NOTIFY_UNLESS_EQUAL,
		NOTIFY_IF_SET,
		NOTIFY_REFUSED,
		NOTIFY_TRACE
	} test; /* SET: all 64 bits count; REFUSED: ENOSYS, nobody is asked; TRACE: the tracer is told (ptrace(2)) */
	uint32_t value;
};

#define NOTIFY_CODE_MAX 2048

struct notify_program {
	struct sock_filter code[NOTIFY_CODE_MAX];
	unsigned short length;
};

/** What becomes of calls by the numbers of another architecture (i386, x32), which no row can name. */
enum notify_foreign {
	NOTIFY_FOREIGN_PASS,
	NOTIFY_FOREIGN_REFUSED, /* ENOSYS */
	NOTIFY_FOREIGN_NOTIFIED,
};

/** Makes a filter that notifies @calls; those of one number stand together. Other calls it lets pass. */
void notify_compile(struct notify_program *program, const struct notify_call *calls, size_t n,
    enum notify_foreign foreign);

/**
 * Loads it into the calling thread and returns the listener, close-on-exec. Needs CAP_SYS_ADMIN in the user namespace, or no_new_privs.
 * From here on every such call waits until somebody serves the listener.
 */
int notify_load(const struct notify_program *program, struct error *e);

/** Receives the next notification: 1, 0 when there is none any more to come, -1 to try again. */
int notify_receive(int listener, struct seccomp_notif *request);
/** Is there a notification that nobody has received? */
bool notify_is_pending(int listener);
/** The call goes on in the kernel as it was made. */
void notify_continue(int listener, uint64_t id);
/** The call gives @value, or fails with @error_number. */
void notify_answer(int listener, uint64_t id, int64_t value, int error_number);
/** Gives the caller a copy of @fd before the answer: its number there, or -1 with errno. */
int notify_add_fd(int listener, uint64_t id, int fd, unsigned int flags);
/** Puts a copy of @fd in the place of the caller's descriptor @number before the answer. -1 with errno. */
int notify_exchange_fd(int listener, uint64_t id, int fd, int number, unsigned int flags);
/** The call gives a copy of @fd; @flags: O_CLOEXEC or 0. -1 with errno when it cannot be had. */
int notify_answer_fd(int listener, uint64_t id, int fd, unsigned int flags);
/** Is the caller still waiting? To be asked before what was read of it is believed, and before anything is written to it. */
bool notify_is_waiting(int listener, uint64_t id);
/** Are callers and who answers to be woken on the same processor? Linux before 6.6 does not know that and goes on as it is. */
void notify_share_processor(int listener, bool share);

#endif
