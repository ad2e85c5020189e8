#include "replica/host/blob.h"

#include <stdlib.h>
#include <string.h>

struct blob *blob_alloc(size_t len)
{
    struct blob *blob = (struct blob *)malloc(sizeof *blob + len);
    CHECK(blob != NULL);
    blob->references = 1;
    blob->len = len;
    return blob;
}

struct blob *blob_make(struct bytes bytes)
{
    struct blob *blob = blob_alloc(bytes.len);
    if (bytes.len > 0) {
        memcpy(blob->data, bytes.data, bytes.len);
    }
    return blob;
}

struct blob *blob_hold(struct blob *blob)
{
    blob->references++;
    return blob;
}

void blob_drop(struct blob *blob)
{
    if (blob == NULL) {
        return;
    }
    CHECK(blob->references > 0);
    if (--blob->references == 0) {
        free(blob);
    }
}
