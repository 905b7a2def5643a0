/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_record - records of steps and messages of stage workers come back as they were written.
 */
#include "builder/build/message.h"
#include "builder/step/record.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct step_record
sample(void)
{
	struct step_record record = { .created = { .tv_sec = 1700000000, .tv_nsec = 120000000 } };
	struct layer_record layer = { .variant = (char *)(uintptr_t) "gzip:0",
		.media_type = (char *)(uintptr_t) "application/vnd.oci.image.layer.v1.tar+gzip",
		.size = 1234,
		.uncompressed = 5678 };

	record.snapshot = strdup("abc123");
	memset(layer.diff_id.bytes, 0x11, sizeof(layer.diff_id.bytes));
	memset(layer.digest.bytes, 0x22, sizeof(layer.digest.bytes));
	step_record_set_layer(&record, &layer);
	return record;
}

static void
record_survives_json(void **state)
{
	struct step_record record = sample(), again;
	struct json *json = step_record_to_json(&record);
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(step_record_from_json(json, &again, &e), &e);
	assert_string_equal(again.snapshot, "abc123");
	assert_int_equal(again.created.tv_sec, 1700000000);
	assert_int_equal(again.created.tv_nsec, 120000000);
	assert_int_equal(again.n_layers, 1);
	assert_non_null(step_record_layer(&again, "gzip:0"));
	assert_null(step_record_layer(&again, "zstd:0"));
	assert_true(digest_equal(&again.layers[0].digest, &record.layers[0].digest));
	assert_true(digest_equal(&again.layers[0].diff_id, &record.layers[0].diff_id));
	assert_int_equal(again.layers[0].size, 1234);
	json_free(json);
	step_record_release(&record);
	step_record_release(&again);
}

static void
record_names_what_the_store_must_keep(void **state)
{
	struct step_record record = sample();
	struct json *json = step_record_to_json(&record);

	(void)state;
	assert_string_equal(json_text(json_at(json_get(json, "snapshots"), 0)), "abc123");
	assert_int_equal(json_count(json_get(json, "blobs")), 1);
	json_free(json);
	step_record_release(&record);
}

static void
layer_of_same_variant_is_replaced(void **state)
{
	struct step_record record = sample();
	struct layer_record layer = { .variant = (char *)(uintptr_t) "gzip:0",
		.media_type = (char *)(uintptr_t) "x",
		.size = 9 };

	(void)state;
	step_record_set_layer(&record, &layer);
	assert_int_equal(record.n_layers, 1);
	assert_int_equal(step_record_layer(&record, "gzip:0")->size, 9);
	step_record_release(&record);
}

static void
record_of_another_version_is_refused(void **state)
{
	static const char text[] =
	    "{\"version\":99,\"created\":\"2024-01-01T00:00:00Z\",\"layers\":[]}";
	struct error e = ERROR_INIT;
	struct json *json = json_parse(text, strlen(text), &e);
	struct step_record record;

	(void)state;
	assert_int_equal(step_record_from_json(json, &record, &e), -1);
	assert_non_null(strstr(e.text, "99"));
	json_free(json);
}

static void
message_survives_the_socket(void **state)
{
	struct message m = { .type = MESSAGE_FAILED,
		.step = 7,
		.exit_status = 2,
		.command_ran = true,
		.cpu_seconds = 1.5 };
	struct error e = ERROR_INIT;
	struct message got;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	(void)error_set(&m.error, ERR_STEP, "exit status 2");
	(void)error_hint(&m.error, "look at the log");
	assert_ok(message_send(fds[0], &m, &e), &e);
	close(fds[0]);
	assert_int_equal(message_receive(fds[1], &got, &e), 1);
	assert_int_equal(got.type, MESSAGE_FAILED);
	assert_int_equal(got.step, 7);
	assert_int_equal(got.exit_status, 2);
	assert_true(got.command_ran);
	assert_int_equal(got.error.kind, ERR_STEP);
	assert_string_equal(got.error.text, "exit status 2");
	assert_string_equal(got.error.hint, "look at the log");
	message_release(&got);
	assert_int_equal(message_receive(fds[1], &got, &e), 0);
	close(fds[1]);
}

static void
message_carries_a_log(void **state)
{
	struct message m = { .type = MESSAGE_STARTED, .has_log = true };
	struct error e = ERROR_INIT;
	struct message got;
	int fds[2], log[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(pipe(log), 0);
	m.log = log[0];
	assert_ok(message_send(fds[0], &m, &e), &e);
	message_release(&m); /* closes it: what is read below came through the socket */
	assert_int_equal(message_receive(fds[1], &got, &e), 1);
	assert_true(got.has_log);
	assert_int_equal(fcntl(got.log, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(log[1], "x", 1), 1);
	assert_int_equal(read(got.log, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	message_release(&got);
	close(log[1]);
	close(fds[0]);
	close(fds[1]);
}

static void
message_carries_a_record(void **state)
{
	struct message m = { .type = MESSAGE_DONE, .step = 1, .has_key = true, .has_record = true };
	struct error e = ERROR_INIT;
	struct message got;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	m.record = sample();
	memset(m.key.bytes, 0x33, sizeof(m.key.bytes));
	assert_ok(message_send(fds[0], &m, &e), &e);
	assert_int_equal(message_receive(fds[1], &got, &e), 1);
	assert_true(got.has_key && got.has_record);
	assert_true(digest_equal(&got.key, &m.key));
	assert_string_equal(got.record.snapshot, "abc123");
	message_release(&got);
	message_release(&m);
	close(fds[0]);
	close(fds[1]);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(record_survives_json),
	cmocka_unit_test(record_names_what_the_store_must_keep),
	cmocka_unit_test(layer_of_same_variant_is_replaced),
	cmocka_unit_test(record_of_another_version_is_refused),
	cmocka_unit_test(message_survives_the_socket),
	cmocka_unit_test(message_carries_a_log),
	cmocka_unit_test(message_carries_a_record),
};

UNIT_MAIN(tests);
