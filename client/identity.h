/* Who a client is and whom it believes: charter, token and key, read from their files, checked, and
 * held against each other.
 *
 * The charter file is verified completely: it is the root of everything that is believed. The token
 * is parsed and its holder compared with the key; whether the log accepts it is the log's to say.
 * Without a token the key is an ephemeral one, good for public things. Points into itself. */
#ifndef VESTRY_CLIENT_IDENTITY_H
#define VESTRY_CLIENT_IDENTITY_H

#include "client/net.h"
#include "crypto/note.h"
#include "governance/charter.h"
#include "governance/roster.h"
#include "governance/token.h"
#include "keys/keyfile.h"
#include "keys/words/problem.h"

struct identity {
    uint8_t *charter_file;        /* owned */
    struct charter_view *charter; /* owned; borrows from charter_file */
    struct roster roster;
    struct origin origin;
    struct net_peer peers[REPLICAS_MAX];
    char name[ID_BYTES_MAX + 1];
    struct secret_key key;
    bool has_token;
    uint8_t token_bytes[TOKEN_BYTES_MAX];
    struct bytes token;
    struct token_view *token_view; /* owned; NULL without a token */
};

struct identity_files {
    const char *charter;
    const char *token;    /* NULL: none */
    const char *key;      /* NULL: none */
    const char *password; /* NULL: none */
};

/* The memory must not move afterwards. STATUS_INVALID, _MISMATCH, _CORRUPT or _REFUSED for files
 * that are not acceptable. */
MUST_USE enum status identity_open(struct identity *identity, const struct identity_files *files,
                                   struct problem *problem);
void identity_close(struct identity *identity);

/* The replicas are those of a later epoch, with the places that they had. */
void identity_epoch(struct identity *identity, const struct roster *roster);

/* Say where replicas are: "r0=host:port". */
MUST_USE enum status identity_endpoint(struct identity *identity, const char *text,
                                       struct problem *problem);

/* The id of the leaf block: whose request numbers these are. Only with a token. */
MUST_USE const uint8_t *identity_session(const struct identity *identity);

/* What the last block of the token allows. Only with a token. */
MUST_USE const struct cap_limits *identity_limits(const struct identity *identity);

/* A parameter as the charter sets it, or its default. */
MUST_USE uint64_t identity_param(const struct identity *identity, enum param param);

#endif
