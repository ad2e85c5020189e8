/* What the bench's faulty backup says in the place of its votes: included in front of host_out.c,
 * which is compiled once more for vestryd-liar. Never part of vestryd. */
#ifndef VESTRY_TESTS_BENCH_LIAR_LIAR_H
#define VESTRY_TESTS_BENCH_LIAR_LIAR_H

#include "replica/host/host_parts.h"

/* Broadcast a frame; of a vote, every other replica first gets one for another digest, signed with
 * the same key, and then the true one. */
void liar_broadcast(struct host *host, struct blob *frame);

#define peers_broadcast(peers, frame) liar_broadcast(host, frame)

#endif
