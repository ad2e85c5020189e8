/* Evidence where people find it: in the folder `evidence` of the data directory, a file each,
 * beside the store, so that it outlives the store. What is in a file convicts its signer on its
 * own.
 *
 * Kept by the loop, read by the read thread: files appear whole, and are never changed. */
#ifndef VESTRY_REPLICA_HOST_EVIDENCE_FILES_H
#define VESTRY_REPLICA_HOST_EVIDENCE_FILES_H

#include "crypto/bytes.h"
#include "crypto/status.h"
#include "storage/data_dir.h"
#include "storage/report.h"

#define EVIDENCE_PATH_BYTES_MAX (DATA_PATH_BYTES_MAX + 64)

/* A replica that contradicts itself again and again must not fill the disk: of one replica and kind
 * so many are kept, by their place modulo this, and of two for one place the first. */
#define EVIDENCE_PLACES 16

/* Keep what the core found. STATUS_OK and the path; STATUS_EXISTS when there is some already;
 * another status, and the report filled in, when it could not be saved. */
MUST_USE enum status evidence_files_keep(const char *data, struct bytes evidence,
                                         char path[EVIDENCE_PATH_BYTES_MAX], struct report *report);

/* Read the file that comes after `skip` others in order of name, those left out that do not fit
 * `out`. STATUS_NOT_FOUND after the last one. */
MUST_USE enum status evidence_files_read(const char *data, uint64_t skip, struct buffer *out);

#endif
