/* The configuration of one replica on one host: what is local, and nothing that the charter or the
 * log decides.
 *
 *     replica r0 {
 *       charter = /etc/vestry/charter.genesis
 *       data    = /var/lib/vestry/r0
 *       key     = ${CREDENTIALS_DIRECTORY}/r0.key
 *       rotated_keys = { /etc/vestry/2027/r0.key }   # those that rotations give it; optional
 *       listen  = "10.77.0.1:7000"
 *       http    = "127.0.0.1:7180"
 *     }
 *     peer r1 { address = "10.77.0.2:7000" }
 *     limits  { memory = 1GiB  clients = 512  clients_per_address = 256  workers = 2 }
 *     log     { format = text  level = info }
 *
 * Reading it checks everything that can be known from the text alone; whether the paths lead
 * anywhere is for whoever opens them. For main's verbs. */
#ifndef VESTRY_REPLICA_HOST_CONFIG_H
#define VESTRY_REPLICA_HOST_CONFIG_H

#include "crypto/limits.h"
#include "crypto/status.h"
#include "replica/host/logging.h"
#include "storage/report.h"

/* Keys that rotations of the log have given, or will give, this replica. */
#define CONFIG_ROTATED_KEYS_MAX 4

#define CONFIG_PATH_BYTES_MAX 1024
#define CONFIG_HOST_CHARS_MAX 253 /* RFC 1035, 2.3.4 */

#define CONFIG_MEMORY_BYTES_MIN (UINT64_C(256) << 20)
#define CONFIG_MEMORY_BYTES_USUAL (UINT64_C(1) << 30)
#define CONFIG_CLIENTS_USUAL 512
#define CONFIG_CLIENTS_MAX 4096
#define CONFIG_CLIENTS_PER_ADDRESS_USUAL 256

struct config_address {
    char host[CONFIG_HOST_CHARS_MAX + 1];
    uint16_t port;
};

struct config_peer {
    uint32_t rid;
    struct config_address address;
};

struct config {
    uint32_t rid;
    char charter[CONFIG_PATH_BYTES_MAX];
    char data[CONFIG_PATH_BYTES_MAX];
    char key[CONFIG_PATH_BYTES_MAX]; /* empty: it is lost, or erased */
    char rotated_keys[CONFIG_ROTATED_KEYS_MAX][CONFIG_PATH_BYTES_MAX];
    uint32_t rotated_key_count;
    struct config_address listen;
    bool has_http;
    struct config_address http;
    uint32_t peer_count;
    struct config_peer peers[REPLICAS_MAX];
    uint64_t memory_bytes;
    uint32_t clients;
    uint32_t clients_per_address;
    uint32_t workers;
    enum log_format log_format;
    enum log_level log_level;
};

/* STATUS_NOT_FOUND, STATUS_IO or STATUS_REFUSED when the file cannot be read; STATUS_INVALID, with
 * file and line in the report, when it says something that is not understood or not possible. */
MUST_USE enum status config_read(const char *path, struct config *out, struct report *report);

/* The same for a text; `path` is for the report. */
MUST_USE enum status config_parse(const char *path, struct bytes text, struct config *out,
                                  struct report *report);

/* "r7" -> 7. False when it is not a name of a replica that can be. */
MUST_USE bool config_replica_name(const char *text, uint32_t *rid);

/* "10.77.0.1:7000", "[::1]:7000", "host.example:7000". */
MUST_USE bool config_address_parse(const char *text, struct config_address *out);

/* "[host]:port" or "host:port", as it can be parsed again. */
void config_address_text(const struct config_address *address,
                         char out[CONFIG_HOST_CHARS_MAX + 16]);

/* "1GiB" -> bytes; whole numbers with B, KiB, MiB, GiB or nothing behind. */
MUST_USE bool config_size_parse(const char *text, uint64_t *out);

#endif
