/* A read-only page for operators and monitors: /livez, /readyz, /metrics, /checkpoint.
 *
 * GET and HEAD only, small requests only, answers made on the loop from numbers at hand. It says
 * what this one replica sees; nothing on it is proof of anything but the checkpoint's signatures.
 * Off unless `http` is configured. Loop only. */
#ifndef VESTRY_REPLICA_HOST_PAGE_H
#define VESTRY_REPLICA_HOST_PAGE_H

#include "replica/host/config.h"

struct host;
struct page;

MUST_USE enum status page_open(struct host *host, const struct config_address *address,
                               struct page **out, struct report *report);
void page_close(struct page *page);

#endif
