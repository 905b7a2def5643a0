/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_unpack - archives as strangers make them: decompressed and parsed as croze-unpack does, without writing anything.
 */
#include "tests/fuzz/fuzz.h"

#include "builder/layer/decode.h"
#include "builder/layer/unpack.h"
#include "runtime/base/fd.h"

#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct unpack_request request = {
		.mode = UNPACK_LIST, .root = -1, .listing = -1, .dest = ""
	};
	struct decode_answer decoded = { 0 };
	struct unpack_answer answer = { 0 };
	struct error e = ERROR_INIT;
	struct buf notes = { 0 };
	int in = memfd_create("in", MFD_CLOEXEC), tar = memfd_create("tar", MFD_CLOEXEC);

	request.max_entries = 100000;
	if (in >= 0 && tar >= 0 && fd_write_all(in, bytes, length, &e) == 0 &&
	    lseek(in, 0, SEEK_SET) == 0) {
		(void)decode_stream(in, tar, 8 << 20, &decoded, &e);
		if (lseek(tar, 0, SEEK_SET) == 0)
			(void)unpack_tar(&request, NULL, tar, &answer, &notes, &e);
	}
	(void)close(in);
	(void)close(tar);
	buf_release(&notes);
	return 0;
}
