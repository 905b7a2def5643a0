/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_output - images leave the store and come back the same; files of an image in a directory and as a tar.
 */
#include "builder/import/resolve.h"
#include "builder/output/output.h"
#include "tests/unit/image_fixture.h"

#include <errno.h>
#include <sys/wait.h>

static void
put_in_store(struct store *store, const struct made_image *m)
{
	struct error e = ERROR_INIT;
	struct digest digest;

	assert_ok(store_blob_put(store, m->layer.data, m->layer.len, &digest, &e), &e);
	assert_ok(store_blob_put(store, m->config.data, m->config.len, &digest, &e), &e);
	assert_ok(store_blob_put(store, m->manifest.data, m->manifest.len, &digest, &e), &e);
}

static int
write_image(struct store *store, enum output_format format, const struct made_image *m,
    const char *name, const struct output_target *target, struct error *e)
{
	struct output_image image = { .digest = m->target.digest };
	int result;

	if (name)
		strv_add(&image.names, name);
	result = output_images(store, format, &image, 1, target, e);
	output_image_release(&image);
	return result;
}

static void
read_whole(const char *name, struct buf *b)
{
	struct error e = ERROR_INIT;
	autofree char *path = in_base(name);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(fd_read_all(fd, b, 1 << 24, name, &e), &e);
}

static void
archives_come_back_as_they_left(void **state)
{
	static const enum output_format formats[] = { OUTPUT_HYBRID, OUTPUT_OCI, OUTPUT_DOCKER };
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image m;
	autofree char *path = in_base("out.tar");

	(void)state;
	make_image(&m, "layer", NULL);
	put_in_store(store, &m);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		autofree char *other_name = xasprintf("other%zu", i);
		autostore struct store *other = open_store(other_name);
		auto(import_result) struct import_result result = { 0 };
		auto(image) struct image image = { 0 };
		struct error e = ERROR_INIT;
		autofd int fd = -1;

		assert_ok(write_image(store, formats[i], &m, "team/app:1",
			      &(struct output_target){ .dest = path }, &e),
		    &e);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_ok(import_archive(other, fd, "a.tar", 0, &result, &e), &e);
		assert_string_equal(result.items[0].name, "docker.io/team/app:1");
		assert_ok(image_resolve(other, "team/app:1", NULL, &image, &e), &e);
		assert_true(
		    digest_equal(&image.manifest.config.digest, &m.config_descriptor.digest));
		if (formats[i] != OUTPUT_DOCKER)
			assert_true(digest_equal(&image.descriptor.digest, &m.target.digest));
	}
}

static void
an_archive_is_always_the_same_bytes(void **state)
{
	autostore struct store *store = open_store("store");
	autostore struct store *other = open_store("other");
	auto(made_image) struct made_image m;
	auto(buf) struct buf a = { 0 };
	auto(buf) struct buf b = { 0 };
	auto(buf) struct buf dated = { 0 };
	autofree char *first = in_base("1.tar");
	autofree char *second = in_base("2.tar");
	struct error e = ERROR_INIT;

	(void)state;
	make_image(&m, "layer", NULL);
	put_in_store(store, &m);
	put_in_store(other, &m);
	assert_ok(write_image(store, OUTPUT_HYBRID, &m, "app",
		      &(struct output_target){ .dest = first }, &e),
	    &e);
	assert_ok(write_image(other, OUTPUT_HYBRID, &m, "app",
		      &(struct output_target){ .dest = second }, &e),
	    &e);
	read_whole("1.tar", &a);
	read_whole("2.tar", &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	assert_ok(
	    write_image(store, OUTPUT_HYBRID, &m, "app",
		&(struct output_target){ .dest = second, .time = { .tv_sec = 1700000000 } }, &e),
	    &e);
	read_whole("2.tar", &dated);
	assert_int_equal(a.len, dated.len);
	assert_true(memcmp(a.data, dated.data, a.len) != 0);
}

static void
several_images_go_into_one_archive(void **state)
{
	autostore struct store *store = open_store("store");
	autostore struct store *other = open_store("other");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	struct output_image images[2] = { { .names = { 0 } }, { .names = { 0 } } };
	auto(import_result) struct import_result result = { 0 };
	autofree char *path = in_base("out.tar");
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	make_image(&a, "a", NULL);
	make_image(&b, "b", NULL);
	put_in_store(store, &a);
	put_in_store(store, &b);
	images[0].digest = a.target.digest;
	images[1].digest = b.target.digest;
	strv_add(&images[0].names, "a:1");
	strv_add(&images[0].names, "a:latest");
	strv_add(&images[1].names, "b:latest");
	assert_ok(output_images(
		      store, OUTPUT_HYBRID, images, 2, &(struct output_target){ .dest = path }, &e),
	    &e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(import_archive(other, fd, "a.tar", 0, &result, &e), &e);
	assert_int_equal(result.count, 3);
	strv_add(&images[1].names, "docker.io/library/a:1");
	assert_int_equal(output_images(store, OUTPUT_HYBRID, images, 2,
			     &(struct output_target){ .dest = path }, &e),
	    -1);
	assert_int_equal(e.kind, ERR_USAGE);
	output_image_release(&images[0]);
	output_image_release(&images[1]);
}

static void
a_layout_directory_is_made_and_added_to(void **state)
{
	autostore struct store *store = open_store("store");
	autostore struct store *other = open_store("other");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	auto(import_result) struct import_result result = { 0 };
	autofree char *path = in_base("layout/");
	const struct output_target target = { .dest = path, .directory = true };
	struct error e = ERROR_INIT;

	(void)state;
	make_image(&a, "a", NULL);
	make_image(&b, "b", NULL);
	put_in_store(store, &a);
	put_in_store(store, &b);
	assert_ok(write_image(store, OUTPUT_OCI, &a, "a:1", &target, &e), &e);
	assert_ok(write_image(store, OUTPUT_OCI, &b, "b:1", &target, &e), &e);
	assert_ok(write_image(store, OUTPUT_OCI, &b, "a:1", &target, &e), &e);
	assert_ok(import_layout(other, path, 0, &result, &e), &e);
	assert_int_equal(result.count, 2);
	for (size_t i = 0; i < result.count; i++)
		assert_true(digest_equal(&result.items[i].target.digest, &b.target.digest));
}

static void
what_is_no_plain_file_is_not_written_over(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image m;
	autofree char *link = in_base("link");
	autofree char *fifo = in_base("fifo");
	autofree char *victim = in_base("victim");
	const struct {
		const char *dest;
		bool directory;
		const char *says;
	} rows[] = {
		{ link, false, "a symbolic link" },
		{ fifo, false, "a FIFO" },
		{ base, false, "a directory" },
		{ base, true, "is no OCI layout" },
		{ link, true, "is no directory" },
		{ "/no/such/folder/x.tar", false, "/no/such/folder" },
	};

	(void)state;
	make_image(&m, "layer", NULL);
	put_in_store(store, &m);
	put_file("victim", "mine", 4);
	assert_int_equal(symlink("victim", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error e = ERROR_INIT;
		auto(buf) struct buf b = { 0 };

		assert_int_equal(
		    write_image(store, rows[i].directory ? OUTPUT_OCI : OUTPUT_HYBRID, &m, "app",
			&(struct output_target){
			    .dest = rows[i].dest, .directory = rows[i].directory },
			&e),
		    -1);
		if (!strstr(e.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.text, rows[i].says);
		read_whole("victim", &b);
		assert_string_equal(buf_text(&b), "mine");
	}
}

static void
a_damaged_blob_does_not_leave_the_store(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image m;
	autofree char *name = NULL;
	autofree char *path = in_base("out.tar");
	struct error e = ERROR_INIT;

	(void)state;
	make_image(&m, "layer", NULL);
	put_in_store(store, &m);
	put_file("out.tar", "before", 6);
	name = blob_name("store", &m.layer_descriptor.digest);
	put_file(name, "Layer", 5);
	assert_int_equal(
	    write_image(store, OUTPUT_OCI, &m, "app", &(struct output_target){ .dest = path }, &e),
	    -1);
	assert_non_null(strstr(e.text, "is damaged"));
	{
		auto(buf) struct buf b = { 0 };

		read_whole("out.tar", &b);
		assert_string_equal(buf_text(&b), "before");
	}
}

/* ---- files ---- */

static void
make_rootfs(void)
{
	autofree char *root = in_base("rootfs");
	autofree char *bin = in_base("rootfs/bin");
	autofree char *link = in_base("rootfs/link");
	autofree char *hard = in_base("rootfs/hard");
	autofree char *closed = in_base("rootfs/closed");
	autofree char *tool = in_base("rootfs/bin/tool");

	assert_int_equal(mkdir(root, 0755), 0);
	assert_int_equal(mkdir(bin, 0755), 0);
	assert_int_equal(mkdir(closed, 0700), 0);
	put_file("rootfs/bin/tool", "#!", 2);
	assert_int_equal(chmod(tool, 04755), 0);
	put_file("rootfs/closed/file", "inside", 6);
	assert_int_equal(chmod(closed, 0555), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(linkat(AT_FDCWD, tool, AT_FDCWD, hard, 0), 0);
}

static struct stat
stat_of(const char *name)
{
	autofree char *path = in_base(name);
	struct stat st = { 0 };

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void
files_are_written_to_a_directory_without_lent_rights(void **state)
{
	const struct layer_options times = { .rewrite = true,
		.clamp_to = { .tv_sec = 1234567890 } };
	autofree char *root = in_base("rootfs");
	autofree char *dest = in_base("dest");
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	make_rootfs();
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) { /* made, then written over */
		auto(buf) struct buf b = { 0 };

		assert_ok(output_local(&(struct output_tree){ .rootfs = fd }, dest,
			      &(struct output_times){ .layers = &times }, &e),
		    &e);
		assert_int_equal(stat_of("dest/bin/tool").st_mode, S_IFREG | 0755);
		assert_int_equal(stat_of("dest/bin/tool").st_mtim.tv_sec, 1234567890);
		assert_int_equal(stat_of("dest/bin").st_mtim.tv_sec, 1234567890);
		assert_int_equal(stat_of("dest/closed").st_mode, S_IFDIR | 0555);
		assert_true(S_ISLNK(stat_of("dest/link").st_mode));
		assert_int_equal(stat_of("dest/hard").st_ino, stat_of("dest/bin/tool").st_ino);
		read_whole("dest/closed/file", &b);
		assert_string_equal(buf_text(&b), "inside");
	}
}

static void
links_in_the_directory_are_not_followed(void **state)
{
	const struct layer_options times = { 0 };
	autofree char *root = in_base("rootfs");
	autofree char *dest = in_base("dest");
	autofree char *outside = in_base("outside");
	autofree char *bin = in_base("dest/bin");
	autofree char *hard = in_base("dest/hard");
	autofree char *tool = in_base("outside/tool");
	struct error e = ERROR_INIT;
	autofd int fd = -1;
	auto(buf) struct buf b = { 0 };

	(void)state;
	make_rootfs();
	assert_int_equal(mkdir(dest, 0755), 0);
	assert_int_equal(mkdir(outside, 0755), 0);
	put_file("outside/victim", "mine", 4);
	assert_int_equal(symlink("../outside", bin), 0);
	assert_int_equal(symlink("../outside/victim", hard), 0);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(output_local(&(struct output_tree){ .rootfs = fd }, dest,
		      &(struct output_times){ .layers = &times }, &e),
	    &e);
	assert_int_equal(access(tool, F_OK), -1);
	read_whole("outside/victim", &b);
	assert_string_equal(buf_text(&b), "mine");
	assert_true(S_ISDIR(stat_of("dest/bin").st_mode));
}

static void
files_as_a_tar_are_read_by_tar(void **state)
{
	const struct layer_options times = { 0 };
	autofree char *root = in_base("rootfs");
	autofree char *path = in_base("files.tar");
	/* the top itself is an entry when it is not root's, as in a test of an ordinary user */
	autofree char *command =
	    xasprintf("tar -tf %s/files.tar | grep -vx ./ | LC_ALL=C sort > %s/list", base, base);
	struct error e = ERROR_INIT;
	autofd int fd = -1;
	auto(buf) struct buf b = { 0 };

	(void)state;
	make_rootfs();
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(output_tar(&(struct output_tree){ .rootfs = fd }, 1,
		      &(struct output_target){ .dest = path },
		      &(struct output_times){ .layers = &times }, &e),
	    &e);
	assert_int_equal(system(command), 0);
	read_whole("list", &b);
	assert_string_equal(buf_text(&b), "bin/\nbin/tool\nclosed/\nclosed/file\nhard\nlink\n");
}

#define OUTPUT_TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

static const struct CMUnitTest tests[] = {
	OUTPUT_TEST(archives_come_back_as_they_left),
	OUTPUT_TEST(an_archive_is_always_the_same_bytes),
	OUTPUT_TEST(several_images_go_into_one_archive),
	OUTPUT_TEST(a_layout_directory_is_made_and_added_to),
	OUTPUT_TEST(what_is_no_plain_file_is_not_written_over),
	OUTPUT_TEST(a_damaged_blob_does_not_leave_the_store),
	OUTPUT_TEST(files_are_written_to_a_directory_without_lent_rights),
	OUTPUT_TEST(links_in_the_directory_are_not_followed),
	OUTPUT_TEST(files_as_a_tar_are_read_by_tar),
};

UNIT_MAIN(tests);
