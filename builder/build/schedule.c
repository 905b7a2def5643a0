/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule - who works on what, and when: images to bring and to unpack, parts of stages, layers to pack.
 *
 * The main process starts workers and listens. A stage worker gets the steps of its stage up to the first one that copies from
 * a stage which is not finished; when that is, another worker goes on. So a worker never waits for another one, and
 * the state that a worker is forked with is all it needs. Layers are packed beside the steps that follow.
 */
#include "builder/build/schedule.h"

#include "builder/build/images.h"
#include "builder/build/mask.h"
#include "builder/build/message.h"
#include "builder/build/reached.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum job_kind {
	JOB_PULL,
	JOB_UNPACK,
	JOB_STAGE,
	JOB_PACK,
};

struct job {
	struct job *next;
	struct schedule *schedule;
	enum job_kind kind;
	struct worker worker;
	struct loop_source *end_source;

	struct image_state *image; /* PULL, UNPACK */
	struct stage_state *stage; /* STAGE, PACK */
	size_t first, end;         /* STAGE: steps; PACK: @first */
	size_t logged;             /* STAGE: the step whose log is read */
	int messages;              /* STAGE */
	int log;
	struct mask *mask;   /* STAGE: for the log; NULL without secrets */
	int worker_messages; /* the worker's end, closed after the fork */
	struct loop_source *message_source;
	struct loop_source *log_source;
};

struct schedule {
	struct build *build;
	struct loop *loop;
	struct job *jobs;
	unsigned n_pulls;
	unsigned n_steps; /* jobs that are UNPACK or STAGE */
	unsigned n_packs;
	struct message failure; /* of the step that failed first */
	struct stage_state *failed_stage;
	bool failed;
	struct layer_record
	    empty; /* the layer of every step that changed nothing; variant NULL: not made yet */
	bool making_empty;
};

/* ---- what workers do ---- */

static int
unpack_main(void *arg, struct buf *result, struct error *e)
{
	struct job *job = arg;
	struct store *store = job->schedule->build->store;
	const struct image_state *image = job->image;
	auto(strv) struct strv notes = { 0 };
	autofree char *text = NULL;

	if ((image->is_arriving
		    ? chain_unpack_arriving(store, &image->manifest, &image->config, &notes, e)
		    : chain_unpack_image(store, &image->manifest, &image->config, &notes, e)) < 0)
		return -1;
	text = strv_join(&notes, "\n");
	buf_add_text(result, text);
	return 0;
}

static int
pack_main(void *arg, struct buf *result, struct error *e)
{
	struct job *job = arg;
	struct build *b = job->schedule->build;
	struct step_state *step = &job->stage->steps[job->first];
	auto(strv) struct strv notes = { 0 };
	autojson struct json *json = NULL;
	struct json *texts;

	if (worker_pack(b, job->stage, job->first, &notes, e) < 0)
		return -1;
	json = layer_record_to_json(step_record_layer(&step->record, b->variant));
	texts = json_set(json, "notes", json_new_array());
	for (size_t i = 0; i < notes.count; i++)
		json_append(texts, json_new_text(notes.items[i]));
	json_write(json, 0, result);
	return 0;
}

static int
stage_main(void *arg, struct buf *result, struct error *e)
{
	struct job *job = arg;

	(void)result; /* all is told by messages */
	fd_close_at(&job->messages);
	return worker_main(
	    job->schedule->build, job->stage, job->first, job->end, job->worker_messages, e);
}

/* ---- jobs ---- */

/* Of these kinds --jobs bounds each by itself, and what waits for a registry not at all. */
static unsigned *
count_of(struct schedule *s, enum job_kind kind)
{
	return kind == JOB_PULL ? &s->n_pulls : kind == JOB_PACK ? &s->n_packs : &s->n_steps;
}

static void
job_free(struct job *job)
{
	struct schedule *s = job->schedule;

	for (struct job **at = &s->jobs; *at; at = &(*at)->next) {
		if (*at == job) {
			*at = job->next;
			break;
		}
	}
	loop_remove(job->end_source);
	loop_remove(job->message_source);
	loop_remove(job->log_source);
	fd_close_at(&job->messages);
	fd_close_at(&job->log);
	mask_free(job->mask);
	--*count_of(s, job->kind);
	if (job->kind == JOB_STAGE)
		job->stage->running = false;
	free(job);
}

static int on_end(void *arg, int fd, uint32_t events, struct error *e);

static struct job *
job_new(struct schedule *s, enum job_kind kind)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->schedule = s;
	job->kind = kind;
	job->messages = job->log = job->worker_messages = -1;
	job->next = s->jobs;
	s->jobs = job;
	++*count_of(s, kind);
	return job;
}

static int
await_end(struct job *job, struct error *e)
{
	job->end_source = loop_add_fd(job->schedule->loop, job->worker.fd, EPOLLIN, on_end, job, e);
	return job->end_source ? 0 : -1;
}

static int
job_start(struct job *job, worker_fn *fn, struct error *e)
{
	if (worker_start(&job->worker, fn, job, e) < 0) {
		job_free(job);
		return -1;
	}
	fd_close_at(&job->worker_messages);
	return await_end(job, e);
}

/* The process runs already. */
static int
start_pull(struct schedule *s, struct image_state *image, struct error *e)
{
	struct job *job = job_new(s, JOB_PULL);

	job->image = image;
	job->worker = image->pull;
	image->pull = (struct worker){ .pid = -1, .fd = -1 };
	return await_end(job, e);
}

static int
start_unpack(struct schedule *s, struct image_state *image, struct error *e)
{
	struct job *job = job_new(s, JOB_UNPACK);

	job->image = image;
	return job_start(job, unpack_main, e);
}

static int
start_pack(struct schedule *s, struct stage_state *stage, size_t index, struct error *e)
{
	struct job *job = job_new(s, JOB_PACK);

	job->stage = stage;
	job->first = index;
	stage->steps[index].packing = true;
	return job_start(job, pack_main, e);
}

/* ---- the display ---- */

static void
show_step(struct build *b, const struct stage_state *stage, size_t index,
    const struct progress_step *report)
{
	progress_step(b->progress, stage->shown, stage->steps[index].shown, report);
}

static void
show_log(const struct job *job, const void *bytes, size_t length)
{
	if (length > 0)
		progress_log(job->schedule->build->progress, job->stage->shown,
		    job->stage->steps[job->logged].shown, bytes, length);
}

/* What a command printed, without the secrets in it. @bytes NULL: no more comes of this step. */
static void
show_masked(const struct job *job, const void *bytes, size_t length)
{
	auto(buf) struct buf shown = { 0 };

	if (bytes)
		mask_feed(job->mask, bytes, length, &shown);
	else
		mask_flush(job->mask, &shown);
	show_log(job, shown.data, shown.len);
}

static int
read_log(struct job *job)
{
	char bytes[16384];
	ssize_t n;

	if (job->log < 0)
		return 0;
	while ((n = read(job->log, bytes, sizeof(bytes))) > 0) {
		if (job->mask)
			show_masked(job, bytes, (size_t)n);
		else
			show_log(job, bytes, (size_t)n);
	}
	return n == 0 || (errno != EAGAIN && errno != EINTR) ? 0 : 1;
}

/* What came before @m. A note comes while the step prints, perhaps within a secret. */
static void
read_log_before(struct job *job, const struct message *m)
{
	(void)read_log(job); /* to where it is empty */
	if (job->mask && m->type != MESSAGE_NOTE && m->type != MESSAGE_WARNING)
		show_masked(job, NULL, 0);
}

static struct mask *
make_mask(const struct build_options *options)
{
	struct mask *mask;

	if (options->n_secrets == 0)
		return NULL;
	mask = mask_new();
	for (size_t i = 0; i < options->n_secrets; i++)
		mask_add(mask, options->secrets[i].bytes, options->secrets[i].length);
	return mask;
}

static int
on_log(void *arg, int fd, uint32_t events, struct error *e)
{
	struct job *job = arg;

	(void)fd;
	(void)events;
	(void)e;
	if (read_log(job) == 0) {
		loop_remove(job->log_source);
		job->log_source = NULL;
		fd_close_at(&job->log);
	}
	return 0;
}

/* What comes from here on is of step @m->step. */
static int
take_log(struct job *job, struct message *m, struct error *e)
{
	loop_remove(job->log_source);
	job->log_source = NULL;
	fd_close_at(&job->log);
	job->log = m->log;
	job->logged = m->step;
	m->has_log = false;
	if (fcntl(job->log, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(e, "cannot set up the log of a step");
	job->log_source = loop_add_fd(job->schedule->loop, job->log, EPOLLIN, on_log, job, e);
	return job->log_source ? 0 : -1;
}

/* ---- what workers tell ---- */

static void
step_settled(struct job *job, struct message *m)
{
	struct build *b = job->schedule->build;
	struct step_state *step = &job->stage->steps[m->step];
	struct progress_step report = { .state = m->type == MESSAGE_CACHED ? PROGRESS_CACHED
		                                                           : PROGRESS_DONE,
		.cpu_seconds = m->cpu_seconds,
		.peak_memory = m->peak_memory };
	autofree char *reached = reached_text(m->reached);

	report.reached = reached;
	reached_keep(b, job->stage, m->step, m->reached);
	step_record_release(&step->record);
	step->record = m->record;
	step_record_fit(&step->record, b->store);
	m->has_record = false;
	step->key = m->key;
	step->has_key = true;
	step->status = m->type == MESSAGE_CACHED ? STEP_CACHED : STEP_DONE;
	step->settled = true;
	job->stage->has_final_key =
	    keys_parent(b, job->stage, state_plan(b, job->stage)->n_steps, &job->stage->final_key);
	show_step(b, job->stage, m->step, &report);
}

static void
step_failed(struct job *job, struct message *m)
{
	struct schedule *s = job->schedule;
	struct progress_step report = { .state = PROGRESS_FAILED, .cpu_seconds = m->cpu_seconds };
	autofree char *reached = reached_text(m->reached);

	report.reached = reached;
	reached_keep(s->build, job->stage, m->step, m->reached);
	show_step(s->build, job->stage, m->step, &report);
	if (!s->failed) {
		s->failed = true;
		s->failed_stage = job->stage;
		s->failure = *m;
		memset(m, 0, sizeof(*m));
	}
	loop_stop(s->loop);
}

static int
handle_message(struct job *job, struct message *m, struct error *e)
{
	struct build *b = job->schedule->build;
	struct progress_step report = { .state = PROGRESS_RUNNING, .detail = m->text };

	read_log_before(job, m);
	if (m->step >= state_plan(b, job->stage)->n_steps)
		return 0;
	switch (m->type) {
	case MESSAGE_STARTED:
		show_step(b, job->stage, m->step, &report);
		return m->has_log ? take_log(job, m, e) : 0;
	case MESSAGE_NOTE:
		progress_note(b->progress, "%s", m->text);
		return 0;
	case MESSAGE_WARNING:
		progress_warn(b->progress, "%s", m->text);
		return 0;
	case MESSAGE_CACHED:
	case MESSAGE_DONE:
		step_settled(job, m);
		return 0;
	case MESSAGE_FAILED:
		step_failed(job, m);
		return 0;
	}
	return 0;
}

static int
read_messages(struct job *job, struct error *e)
{
	struct message m;
	int got;

	while ((got = message_receive(job->messages, &m, e)) == 1) {
		int handled = handle_message(job, &m, e);

		message_release(&m);
		if (handled < 0)
			return -1;
	}
	return got;
}

static int schedule_fill(struct schedule *s, struct error *e);

static int
on_message(void *arg, int fd, uint32_t events, struct error *e)
{
	struct job *job = arg;
	struct schedule *s = job->schedule;
	int got = read_messages(job, e);

	(void)fd;
	(void)events;
	if (got < 0)
		return -1;
	if (got == 0) {
		loop_remove(job->message_source);
		job->message_source = NULL;
	}
	return s->failed ? 0 : schedule_fill(s, e);
}

static int
set_layer(
    struct schedule *s, struct step_state *step, const struct layer_record *layer, struct error *e)
{
	step_record_set_layer(&step->record, layer);
	step->packing = false;
	return step_record_put(s->build->store, &step->key, &step->record, e);
}

static bool
is_empty(const struct schedule *s, const struct stage_state *stage, size_t index)
{
	const struct step_state *step = &stage->steps[index];

	return step->record.empty &&
	       step_packs_snapshot(&state_plan(s->build, stage)->steps[index], step);
}

static int
take_layer(struct job *job, const struct buf *result, struct error *e)
{
	struct schedule *s = job->schedule;
	struct step_state *step = &job->stage->steps[job->first];
	autojson struct json *json = json_parse(buf_text(result), result->len, e);
	struct layer_record layer;
	int ok;

	if (!json || layer_record_from_json(json, &layer, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(json_get(json, "notes")); i++)
		progress_note(
		    s->build->progress, "%s", json_text(json_at(json_get(json, "notes"), i)));
	ok = set_layer(s, step, &layer, e);
	if (is_empty(s, job->stage, job->first) && !s->empty.variant) {
		s->empty = layer;
		s->making_empty = false;
	} else {
		layer_record_release(&layer);
	}
	return ok;
}

static void
show_notes(struct build *b, const struct buf *notes)
{
	auto(strv) struct strv lines = { 0 };

	strv_split(&lines, buf_text(notes), '\n');
	for (size_t i = 0; i < lines.count; i++)
		if (lines.items[i][0])
			progress_note(b->progress, "%s", lines.items[i]);
}

static int
job_ended(struct job *job, const struct buf *result, struct error *e)
{
	switch (job->kind) {
	case JOB_PULL:
		job->image->is_arriving = false;
		return images_arrived(job->schedule->build, result, e);
	case JOB_UNPACK:
		show_notes(job->schedule->build, result);
		job->image->ready = true;
		return 0;
	case JOB_STAGE:
		/* what it said last may still wait */
		return read_messages(job, e) < 0 ? -1 : 0;
	case JOB_PACK:
		return take_layer(job, result, e);
	}
	return 0;
}

static int
on_end(void *arg, int fd, uint32_t events, struct error *e)
{
	struct job *job = arg;
	struct schedule *s = job->schedule;
	auto(buf) struct buf result = { 0 };
	int ok;

	(void)fd;
	(void)events;
	loop_remove(job->end_source);
	job->end_source = NULL;
	ok = worker_finish(&job->worker, &result, e);
	if (ok == 0)
		ok = job_ended(job, &result, e);
	if (ok < 0 && job->kind == JOB_PULL)
		(void)images_stayed_away(job->image->reference, e);
	if (ok < 0 && job->image)
		(void)error_ctx(e, "image '%s'", job->image->reference);
	else if (ok < 0)
		(void)error_ctx(e, "stage '%s'", state_plan(s->build, job->stage)->name);
	job_free(job);
	if (ok < 0)
		return -1;
	return s->failed ? 0 : schedule_fill(s, e);
}

/* ---- what can be started ---- */

static bool
is_finished(const struct build *b, const struct stage_state *stage)
{
	for (size_t i = 0; i < state_plan(b, stage)->n_steps; i++)
		if (!stage->steps[i].settled)
			return false;
	return true;
}

/* Who does not read its files reads the layers themselves, for what is in them. */
static bool
image_is_ready(const struct image_state *image, bool reads_files)
{
	if (image->needs_tree && !image->ready)
		return false;
	return reads_files || !image->is_arriving;
}

static bool
base_is_ready(const struct build *b, const struct stage_state *stage)
{
	const struct plan_stage *plan = state_plan(b, stage);

	if (plan->base_kind == PLAN_BASE_IMAGE)
		return image_is_ready(state_image(b, plan->base), stage->base_tree);
	if (plan->base_kind == PLAN_BASE_SCRATCH)
		return true;
	return is_finished(b, &b->stages[plan->base]) && base_is_ready(b, &b->stages[plan->base]);
}

static bool
files_are_ready(const struct build *b, enum plan_source source, size_t from)
{
	if (source == PLAN_FROM_IMAGE)
		return image_is_ready(state_image(b, from), true);
	if (source == PLAN_FROM_STAGE)
		return is_finished(b, &b->stages[from]) && base_is_ready(b, &b->stages[from]);
	return true;
}

/* Is everything there that the step copies from, or mounts? */
static bool
source_is_ready(const struct build *b, const struct plan_step *step)
{
	for (size_t n = 0; n < step->n_mounts; n++)
		if (step->mounts[n].has_files &&
		    !files_are_ready(b, step->mounts[n].source, step->mounts[n].from))
			return false;
	if (step->kind != PLAN_COPY && step->kind != PLAN_ADD)
		return true;
	return files_are_ready(b, step->source, step->from);
}

/* The steps that a worker of this stage could make now. */
static bool
find_part(const struct build *b, const struct stage_state *stage, size_t *first, size_t *end)
{
	const struct plan_stage *plan = state_plan(b, stage);

	*first = 0;
	while (*first < plan->n_steps && stage->steps[*first].settled)
		(*first)++;
	*end = *first;
	if (*first == plan->n_steps || !base_is_ready(b, stage))
		return false;
	while (*end < plan->n_steps &&
	       (stage->steps[*end].settled || source_is_ready(b, &plan->steps[*end])))
		(*end)++;
	return *end > *first;
}

static int
open_channel(struct job *job, struct error *e)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_sys(e, "cannot make a channel to a stage worker");
	job->messages = sockets[0];
	job->worker_messages = sockets[1];
	if (fcntl(job->messages, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(e, "cannot set up the channel of a stage worker");
	job->message_source =
	    loop_add_fd(job->schedule->loop, job->messages, EPOLLIN, on_message, job, e);
	return job->message_source ? 0 : -1;
}

static int
start_stage(
    struct schedule *s, struct stage_state *stage, size_t first, size_t end, struct error *e)
{
	struct job *job = job_new(s, JOB_STAGE);

	job->stage = stage;
	job->first = first;
	job->end = end;
	job->mask = make_mask(s->build->options);
	stage->running = true;
	if (open_channel(job, e) < 0) {
		fd_close_at(&job->worker_messages);
		job_free(job);
		return -1;
	}
	return job_start(job, stage_main, e);
}

static bool
can_pack(const struct build *b, const struct stage_state *stage, size_t index)
{
	const struct step_state *step = &stage->steps[index];

	if (!step->want_layer || !step->settled || step->packing || step->status == STEP_MISSING ||
	    step_record_layer(&step->record, b->variant) || !base_is_ready(b, stage))
		return false;
	for (size_t i = 0; i < index; i++)
		if (!stage->steps[i].settled)
			return false;
	return true;
}

/* All steps that changed nothing have one layer in common. */
static int
pack_step(struct schedule *s, struct stage_state *stage, size_t index, struct error *e)
{
	struct step_state *step = &stage->steps[index];
	bool empty = is_empty(s, stage, index);

	if (empty && s->empty.variant)
		return set_layer(s, step, &s->empty, e);
	if ((empty && s->making_empty) || s->n_packs >= s->build->options->jobs)
		return 0;
	if (empty)
		s->making_empty = true;
	return start_pack(s, stage, index, e);
}

static int
fill_packs(struct schedule *s, struct error *e)
{
	struct build *b = s->build;

	for (size_t i = 0; i < b->plan.n_stages; i++)
		for (size_t k = 0; k < b->plan.stages[i].n_steps; k++)
			if (can_pack(b, &b->stages[i], k) && pack_step(s, &b->stages[i], k, e) < 0)
				return -1;
	return 0;
}

static bool
is_unpacking(const struct schedule *s, const struct image_state *image)
{
	for (const struct job *job = s->jobs; job; job = job->next)
		if (job->kind == JOB_UNPACK && job->image == image)
			return true;
	return false;
}

/* Most base images were unpacked by a build before: no process is needed to find that out. */
static void
find_unpacked(struct build *b)
{
	for (size_t i = 0; i < b->n_images; i++)
		if (b->images[i]->needs_tree && !b->images[i]->ready)
			b->images[i]->ready = chain_is_unpacked(b->store, &b->images[i]->config);
}

/* Starts what can be started; ends the loop when nothing is left. */
static int
schedule_fill(struct schedule *s, struct error *e)
{
	struct build *b = s->build;
	size_t first, end;

	for (size_t i = 0; i < b->n_images; i++)
		if (b->images[i]->pull.pid > 0 && start_pull(s, b->images[i], e) < 0)
			return -1;
	find_unpacked(b);
	for (size_t i = 0; i < b->n_images && s->n_steps < b->options->jobs; i++)
		if (b->images[i]->needs_tree && !b->images[i]->ready &&
		    !is_unpacking(s, b->images[i]) && start_unpack(s, b->images[i], e) < 0)
			return -1;
	for (size_t i = 0; i < b->plan.n_stages && s->n_steps < b->options->jobs; i++)
		if (!b->stages[i].running && find_part(b, &b->stages[i], &first, &end) &&
		    start_stage(s, &b->stages[i], first, end, e) < 0)
			return -1;
	if (fill_packs(s, e) < 0)
		return -1;
	if (!s->jobs)
		loop_stop(s->loop);
	return 0;
}

/* ---- the whole ---- */

static int
on_signal(void *arg, int signal, struct error *e)
{
	(void)arg;
	(void)error_set(
	    e, ERR_INTERRUPTED, "interrupted by %s", signal == SIGINT ? "SIGINT" : "SIGTERM");
	e->sys = signal;
	return -1;
}

/* All that it has to bring is there: what is left is to give it its name. */
static bool
has_arrived(const struct schedule *s, const struct image_state *image)
{
	for (size_t i = 0; i < image->manifest.n_layers; i++)
		if (!store_blob_has(s->build->store, &image->manifest.layers[i].digest))
			return false;
	return true;
}

/* After a step that failed, the image that it was run in is there when the build is tried again. */
static void
stop_all(struct schedule *s)
{
	struct error ignored = ERROR_INIT; /* what went wrong first is told */

	while (s->jobs) {
		struct job *job = s->jobs;

		if (job->kind == JOB_PULL && s->failed && has_arrived(s, job->image))
			(void)worker_finish(&job->worker, NULL, &ignored);
		else
			worker_kill(&job->worker);
		job_free(job);
	}
}

static int
check_finished(struct schedule *s, struct error *e)
{
	struct build *b = s->build;

	for (size_t i = 0; i < b->plan.n_stages; i++)
		if (!is_finished(b, &b->stages[i]))
			return error_set(e, ERR_SYSTEM, "stage '%s' was not finished by its worker",
			    b->plan.stages[i].name);
	return 0;
}

static void
show_failure(struct schedule *s)
{
	struct build *b = s->build;
	const struct message *m = &s->failure;
	const struct plan_step *step = &state_plan(b, s->failed_stage)->steps[m->step];
	auto(strv) struct strv hints = { 0 };
	auto(buf) struct buf refused = { 0 };
	struct progress_failure failure = {
		.stage = s->failed_stage->shown,
		.step = s->failed_stage->steps[m->step].shown,
		.file = b->dockerfile.path,
		.source = buf_text(&b->dockerfile.text),
		.source_length = b->dockerfile.text.len,
		.first_line = step->line,
		.last_line = step->end_line,
		.what = m->error.text,
		.exit_status = m->exit_status,
		.user = step->user,
		.only_loopback = step->kind == PLAN_RUN && b->run.network == NETNS_DEFAULT &&
		                 !b->run.netns.outside,
		.hints = &hints,
	};

	if (m->error.hint[0])
		strv_add(&hints, m->error.hint);
	reached_add_text(&refused, m->reached, false);
	if (refused.len > 0)
		strv_printf(&hints, "the step was not allowed to reach %s; %s", buf_text(&refused),
		    b->options->n_egress > 0
			? "--allow-egress HOST[:PORT] allows one more"
			: "such addresses lead to this machine or to its credentials");
	progress_fail(b->progress, &failure);
	b->result->failure_shown = true;
}

static int
run_loop(struct schedule *s, struct error *e)
{
	struct build *b = s->build;
	int ok;

	if (!loop_add_signal(s->loop, SIGINT, on_signal, s, e) ||
	    !loop_add_signal(s->loop, SIGTERM, on_signal, s, e) ||
	    !loop_add_signal(s->loop, SIGHUP, on_signal, s, e) ||
	    progress_attach(b->progress, s->loop, e) < 0)
		return -1;
	ok = schedule_fill(s, e);
	if (ok == 0 && s->jobs)
		ok = loop_run(s->loop, e);
	progress_detach(b->progress);
	stop_all(s);
	return ok;
}

int
schedule_run(struct build *b, struct error *e)
{
	struct schedule s = { .build = b };
	int ok;

	if (store_tmp_prepare(b->store, e) < 0)
		return -1;
	s.loop = loop_new(e);
	if (!s.loop)
		return -1;
	ok = run_loop(&s, e);
	loop_free(s.loop);
	if (s.failed && ok == 0) {
		*e = s.failure.error;
		/* whatever is wrong with it: steps were run, and one of them failed */
		if (e->kind == ERR_INPUT || e->kind == ERR_USAGE || e->kind == ERR_NOT_FOUND)
			e->kind = ERR_STEP;
		show_failure(&s);
		ok = -1;
	}
	message_release(&s.failure);
	layer_record_release(&s.empty);
	return ok < 0 ? -1 : check_finished(&s, e);
}
