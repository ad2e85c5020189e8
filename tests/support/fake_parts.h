/* The inside of the pretend cluster: fake_cluster.c (time, mail, connections, the client's
 * journal), fake_answers.c (ordering, executing, answering) and fake_reads.c. For nobody else. */
#ifndef VESTRY_TESTS_SUPPORT_FAKE_PARTS_H
#define VESTRY_TESTS_SUPPORT_FAKE_PARTS_H

#include "tests/support/fake_cluster.h"

/* Post an envelope with its attachment to the client. */
void fake_post(struct fake *fake, uint32_t member, const struct envelope *envelope,
               struct bytes attachment);

/* What a replica does with a frame of the client (without length). */
void fake_request(struct fake *fake, uint32_t member, struct bytes frame);
/* A read, whose attachment is a request parcel. */
void fake_read(struct fake *fake, uint32_t member, struct bytes parcel);
void fake_fetch(struct fake *fake, uint32_t member, struct bytes body);

/* A block without entries of this client. */
void fake_other_block(struct fake *fake);
/* Block 0 with one leaf. */
void fake_genesis(struct fake *fake);

#endif
