/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew - the threads that answer the calls of one listener.
 *
 * Each thread counts its turns: the number is odd while it answers. A helper that finds the leader in the same turn at two looks
 * becomes the leader. While nobody calls, helpers sleep without looking; the leader rings for them at its next call.
 *
 * Who asks is answered on his own processor: waking an idle one takes several times as long as the answer, 25 us each way on a virtual machine.
 * The kernel wakes whoever waits for a question where it is asked, and who asked where he is answered (SECCOMP_IOCTL_NOTIF_SET_FLAGS). A
 * question that came while another's was being answered, though, was asked on another processor; answered in that way it would take its
 * process from there, and the jobs of make -j would come together on one: such an answer alone wakes him where the kernel thinks best.
 */
#include "seccomp/crew.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "seccomp/notify.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STACK (512U << 10)
#define LOOK_MS 5
#define LOOK_TURNS 8 /* a look takes a tenth of an answer */
#define WAITED_NS \
	2500 /* a question is received in less when it is there already, and in more when it was waited for */

struct member {
	struct crew *crew;
	pthread_t thread;
	atomic_uint turns;
	/* as a helper: the leader, and its turns, at the last look */
	const struct member *leader;
	unsigned int seen;
	uint32_t asker; /* of the last question */
};

struct crew {
	struct crew_options options;
	int bell; /* eventfd(2); heard by all who sleep */
	_Atomic(struct member *) leader;
	atomic_bool asleep; /* some helper looks no more until the bell rings */
	atomic_bool ended;
	atomic_bool failed;
	unsigned int n_members;
	struct member members[CREW_MAX];
};

static void
ring(struct crew *crew)
{
	(void)!write(crew->bell, &(uint64_t){ 1 }, sizeof(uint64_t)); /* full: it has been rung */
}

static void
end(struct crew *crew)
{
	atomic_store(&crew->ended, true);
	ring(crew);
}

static int64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Receives one call and answers it. */
static void
take_turn(struct crew *crew, struct member *m)
{
	const struct crew_options *o = &crew->options;
	int64_t start = now_ns();
	struct seccomp_notif request;
	int got = notify_receive(o->listener, &request);
	unsigned int turns;
	bool is_elsewhere;

	if (got == 0)
		end(crew);
	if (got <= 0)
		return;
	is_elsewhere = m->asker != request.pid && now_ns() - start < WAITED_NS;
	m->asker = request.pid;
	turns = atomic_fetch_add(&m->turns, 1);
	if (atomic_load(&crew->asleep) ||
	    (turns / 2 % LOOK_TURNS == 0 && notify_is_pending(o->listener))) {
		atomic_store(&crew->asleep, false);
		ring(crew);
	}
	if (is_elsewhere)
		notify_share_processor(o->listener, false);
	o->serve(o->arg, &request);
	if (is_elsewhere)
		notify_share_processor(o->listener, true);
	atomic_fetch_add(&m->turns, 1);
}

/* A helper: looks at the leader, and sleeps until the bell rings, or for a while when there was something to see. */
static void
look_and_sleep(struct crew *crew, struct member *m)
{
	struct pollfd bell = { .fd = crew->bell, .events = POLLIN };
	struct member *leader = atomic_load(&crew->leader);
	unsigned int turns = atomic_load(&leader->turns);
	bool is_same = m->leader == leader && m->seen == turns;
	uint64_t count;

	if (is_same && turns % 2 == 1) {
		(void)atomic_compare_exchange_strong(&crew->leader, &leader, m);
		return;
	}
	m->leader = leader;
	m->seen = turns;
	if (is_same) {
		atomic_store(&crew->asleep, true);
		/* it rings when it sees that; it has not where it was quicker */
		if (atomic_load(&leader->turns) != turns)
			return;
	}
	(void)poll(&bell, 1, is_same ? -1 : LOOK_MS * ((int)crew->options.threads - 1));
	if (!atomic_load(&crew->ended))
		(void)!read(crew->bell, &count, sizeof(count)); /* another may have */
}

static void *
work(void *arg)
{
	struct member *m = arg;
	struct crew *crew = m->crew;
	const struct crew_options *o = &crew->options;

	if (o->begin && o->begin(o->arg) < 0) {
		atomic_store(&crew->failed, true);
		end(crew);
	}
	while (!atomic_load(&crew->ended))
		if (atomic_load(&crew->leader) == m || notify_is_pending(o->listener))
			take_turn(crew, m);
		else
			look_and_sleep(crew, m);
	ring(crew); /* whoever came too late for the last time */
	return NULL;
}

struct crew *
crew_start(const struct crew_options *options, struct error *e)
{
	struct crew *crew = xcalloc(1, sizeof(*crew));
	pthread_attr_t attributes;
	int failed;

	assert(options->threads > 0 && options->threads <= CREW_MAX);
	crew->options = *options;
	crew->leader = &crew->members[0];
	notify_share_processor(options->listener, true);
	crew->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	failed = crew->bell < 0 ? errno : pthread_attr_init(&attributes);
	if (failed == 0)
		failed = pthread_attr_setstacksize(&attributes, STACK);
	while (failed == 0 && crew->n_members < options->threads) {
		struct member *m = &crew->members[crew->n_members];

		m->crew = crew;
		failed = pthread_create(&m->thread, &attributes, work, m);
		crew->n_members += failed == 0;
	}
	if (crew->bell >= 0)
		(void)pthread_attr_destroy(&attributes); /* cannot fail */
	/* fewer than were wanted do as well */
	if (crew->n_members > 0)
		return crew;
	fd_close_at(&crew->bell);
	free(crew);
	errno = failed;
	error_sys(e, "cannot make a thread");
	return NULL;
}

int
crew_finish(struct crew *crew)
{
	bool failed;

	for (unsigned int i = 0; i < crew->n_members; i++)
		(void)pthread_join(crew->members[i].thread, NULL); /* they are ours */
	failed = atomic_load(&crew->failed);
	fd_close_at(&crew->bell);
	free(crew);
	return failed ? -1 : 0;
}
