/* The numbers of a host in the text format that Prometheus reads. Loop only. */
#ifndef VESTRY_REPLICA_HOST_METRICS_H
#define VESTRY_REPLICA_HOST_METRICS_H

#include "crypto/bytes.h"

struct host;

#define METRICS_BYTES_MAX ((size_t)64 << 10)

void metrics_put(const struct host *host, struct buffer *out);

#endif
