/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console - between the user's terminal and a container: bytes, window size, signals.
 *
 * With a terminal of its own the container's line discipline does what the user's would do, so that one is put in raw mode: ctrl-c
 * is a byte that becomes a signal inside. Output that is left when the container has ended is read until the end of the
 * stream; a terminal says EIO there.
 */
#include "runtime/container/console.h"

#include "runtime/base/fd.h"
#include "runtime/base/loop.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PIECE 16384
#define LEFTOVER_MS 200 /* a grandchild of the container may hold its output open for ever */

struct relay {
	struct console *console;
	const struct container *container;
	struct loop *loop;
	struct loop_source *input;
	struct termios saved;
	bool raw;
	int ended_by; /* the signal that SIGKILL stood for; 0 */
	int *status;
};

static int
open_pipe(int *ours, int *theirs, bool they_read, struct error *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	*theirs = ends[they_read ? 0 : 1];
	*ours = ends[they_read ? 1 : 0];
	return 0;
}

static int
open_output(int fd, int *ours, int *given, struct error *e)
{
	if (isatty(fd) == 1)
		return open_pipe(ours, given, false, e);
	*given = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *given < 0 ? error_sys(e, "cannot pass a stream on") : 0;
}

static int
open_input(struct console *c, struct error *e)
{
	if ((c->flags & CONSOLE_INPUT) == 0)
		return 0;
	if (isatty(STDIN_FILENO) == 1)
		return open_pipe(&c->in_write, &c->given[0], true, e);
	c->given[0] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return c->given[0] < 0 ? error_sys(e, "cannot pass standard input on") : 0;
}

int
console_open(
    struct console *c, enum console_flags flags, struct container_spec *spec, struct error *e)
{
	struct winsize size;

	c->flags = flags;
	if ((flags & CONSOLE_TERMINAL) != 0) {
		if ((flags & CONSOLE_INPUT) != 0 && isatty(STDIN_FILENO) != 1)
			return error_set(
			    e, ERR_USAGE, "standard input is no terminal: leave -t out, or -i");
		spec->terminal = true;
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ||
		    ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
			spec->rows = size.ws_row;
			spec->columns = size.ws_col;
		}
		return 0;
	}
	if (open_input(c, e) < 0 || open_output(STDOUT_FILENO, &c->out_read, &c->given[1], e) < 0 ||
	    open_output(STDERR_FILENO, &c->err_read, &c->given[2], e) < 0)
		return -1;
	spec->in = c->given[0];
	spec->out = c->given[1];
	spec->err = c->given[2];
	return 0;
}

void
console_close(struct console *c)
{
	fd_close_at(&c->in_write);
	fd_close_at(&c->out_read);
	fd_close_at(&c->err_read);
	for (size_t i = 0; i < ARRAY_LEN(c->given); i++)
		fd_close_at(&c->given[i]);
	*c = (struct console)CONSOLE_INIT;
}

/* ---- the user's terminal ---- */

static int
enter_raw(struct relay *r, struct error *e)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &r->saved) < 0)
		return error_sys(e, "cannot read the settings of the terminal");
	raw = r->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return error_sys(e, "cannot change the settings of the terminal");
	r->raw = true;
	return 0;
}

static void
leave_raw(struct relay *r)
{
	if (r->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &r->saved); /* it may be gone */
	r->raw = false;
}

static int
on_window(void *arg, int signal, struct error *e)
{
	struct relay *r = arg;
	struct winsize size;

	(void)signal;
	(void)e;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && r->container->console >= 0)
		(void)ioctl(r->container->console, TIOCSWINSZ, &size); /* it may have ended */
	return 0;
}

/* Bit of @signal in the mask that line @name of /proc/PID/status holds. */
static bool
mask_has(const char *status, const char *name, int signal)
{
	const char *at = strstr(status, name);

	return at != NULL && (strtoull(at + strlen(name), NULL, 16) >> (signal - 1) & 1) != 0;
}

/* Would @signal end a process that is not the first of its namespace? The kernel spares the first one. */
static bool
is_unhandled(pid_t pid, int signal)
{
	char path[64];
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf status = { 0 };
	autofd int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, &status, 65536, path, &ignored) < 0)
		return false;
	return !mask_has(buf_text(&status), "SigCgt:", signal) &&
	       !mask_has(buf_text(&status), "SigIgn:", signal);
}

/* ctrl-c ends a command that does nothing about it, as it would outside. */
static int
on_signal(void *arg, int signal, struct error *e)
{
	struct relay *r = arg;

	(void)e;
	if (is_unhandled(r->container->pid, signal)) {
		r->ended_by = signal;
		signal = SIGKILL;
	}
	container_signal(r->container, signal);
	return 0;
}

/* ---- bytes ---- */

/* Returns 1 for more, 0 at the end. A reader of ours that went away ends the stream too. */
static int
copy_piece(int from, int to)
{
	struct error ignored = ERROR_INIT;
	char bytes[PIECE];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n <= 0)
		return 0;
	return fd_write_all(to, bytes, (size_t)n, &ignored) == 0;
}

/* The end of what is typed: a pipe is closed; a terminal gets its end-of-file character from the user's own keyboard. */
static int
on_input(void *arg, int fd, uint32_t events, struct error *e)
{
	struct relay *r = arg;
	struct console *c = r->console;
	int to = (c->flags & CONSOLE_TERMINAL) != 0 ? r->container->console : c->in_write;

	(void)events;
	(void)e;
	if (copy_piece(fd, to) > 0)
		return 0;
	loop_remove(r->input);
	r->input = NULL;
	fd_close_at(&c->in_write);
	c->in_write = -1;
	return 0;
}

struct stream {
	struct relay *relay;
	struct loop_source *source;
	int from, to;
};

static int
on_output(void *arg, int fd, uint32_t events, struct error *e)
{
	struct stream *s = arg;

	(void)events;
	(void)e;
	if (copy_piece(fd, s->to) > 0)
		return 0;
	loop_remove(s->source);
	s->source = NULL;
	return 0;
}

static void
drain(const struct stream *s)
{
	struct pollfd ready = { .fd = s->from, .events = POLLIN };

	while (s->source != NULL && poll(&ready, 1, LEFTOVER_MS) > 0)
		if (copy_piece(s->from, s->to) == 0)
			return;
}

static int
on_end(void *arg, pid_t pid, int status, struct error *e)
{
	struct relay *r = arg;

	(void)pid;
	(void)e;
	*r->status = WIFSIGNALED(status) && r->ended_by != 0 ? r->ended_by : status;
	loop_stop(r->loop);
	return 0;
}

/* ---- the relay ---- */

static int
watch_signals(struct relay *r, struct error *e)
{
	static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		if (loop_add_signal(r->loop, forwarded[i], on_signal, r, e) == NULL)
			return -1;
	if (r->container->console >= 0 &&
	    loop_add_signal(r->loop, SIGWINCH, on_window, r, e) == NULL)
		return -1;
	return loop_add_child(r->loop, r->container->pid, on_end, r, e) == NULL ? -1 : 0;
}

static int
watch_stream(struct relay *r, struct stream *s, struct error *e)
{
	s->relay = r;
	if (s->from < 0)
		return 0;
	s->source = loop_add_fd(r->loop, s->from, EPOLLIN, on_output, s, e);
	return s->source == NULL ? -1 : 0;
}

static int
watch_input(struct relay *r, struct error *e)
{
	bool terminal = (r->console->flags & CONSOLE_TERMINAL) != 0;

	if ((r->console->flags & CONSOLE_INPUT) == 0 || (!terminal && r->console->in_write < 0))
		return 0;
	r->input = loop_add_fd(r->loop, STDIN_FILENO, EPOLLIN, on_input, r, e);
	if (r->input == NULL)
		return -1;
	return terminal ? enter_raw(r, e) : 0;
}

static int
relay(struct relay *r, struct error *e)
{
	int console = r->container->console;
	struct stream out = { .from = console >= 0 ? console : r->console->out_read,
		.to = STDOUT_FILENO };
	struct stream err = { .from = r->console->err_read, .to = STDERR_FILENO };
	int result = -1;

	if (watch_signals(r, e) == 0 && watch_stream(r, &out, e) == 0 &&
	    watch_stream(r, &err, e) == 0 && watch_input(r, e) == 0)
		result = loop_run(r->loop, e);
	if (result == 0) {
		drain(&out);
		drain(&err);
	}
	leave_raw(r);
	return result;
}

int
console_run(struct console *c, const struct container *container, int *status, struct error *e)
{
	struct relay r = { .console = c, .container = container, .status = status };
	int result;

	for (size_t i = 0; i < ARRAY_LEN(c->given); i++) {
		fd_close_at(&c->given[i]);
		c->given[i] = -1;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that went away is seen by write() */
	r.loop = loop_new(e);
	if (r.loop == NULL)
		return -1;
	result = relay(&r, e);
	loop_free(r.loop);
	return result;
}
