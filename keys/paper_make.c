#include "keys/paper_make.h"

#include "crypto/hash.h"
#include "keys/words/file.h"

#include <sodium.h>
#include <string.h>

#define SMALL_BYTES_MAX 2048

/* The sections that an action depends on: whose votes count, and what it moves. */
static uint32_t put_reads(uint64_t action, const struct in_force *in_force, struct buffer *out)
{
    uint32_t count = 0;

    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        const struct read_version read = {section, in_force_version(in_force, section)};

        if ((paper_reads(action) >> section & 1) != 0) {
            CHECK(read_version_encode(&read, out));
            count++;
        }
    }
    return count;
}

static void put_args(const struct paper_wish *wish, struct buffer *out)
{
    const struct args_replica replica = {wish->rid};
    struct args_replica_key_rotate rotation = {.rid = wish->rid};
    struct args_renew renewal;

    if (wish->action == ACTION_EPOCH_RENEW) {
        hash_bytes(wish->reason, renewal.reason_hash);
        CHECK(args_renew_encode(&renewal, out));
        return;
    }
    if (wish->action != ACTION_REPLICA_KEY_ROTATE) {
        CHECK(args_replica_encode(&replica, out));
        return;
    }
    memcpy(rotation.sign_pk, wish->keys->sign, PUBLIC_KEY_BYTES);
    memcpy(rotation.cosign_pk, wish->keys->cosign, PUBLIC_KEY_BYTES);
    memcpy(rotation.transport_pk, wish->keys->transport, PUBLIC_KEY_BYTES);
    rotation.card = wish->keys->proof;
    rotation.old_sig = wish->keys->old_sig;
    CHECK(args_replica_key_rotate_encode(&rotation, out));
}

static bool put_file(const struct signed_part *proposal, struct wire_list ballots,
                     struct bytes reason, struct buffer *out)
{
    uint8_t memory[PAPER_BYTES_MAX];
    struct buffer bundle_bytes = buffer_make(memory, sizeof(memory));
    const struct bundle bundle = {.proposal = *proposal, .ballots = ballots};

    if (!bundle_encode(&bundle, &bundle_bytes)) {
        return false;
    }
    const struct proposal_file file = {buffer_bytes(&bundle_bytes), reason};

    return proposal_file_encode(&file, out);
}

enum status paper_propose(const struct in_force *in_force, const struct secret_key *member,
                          const struct paper_wish *wish, struct buffer *out,
                          struct problem *problem)
{
    uint8_t args_memory[SMALL_BYTES_MAX];
    uint8_t reads_memory[64];
    uint8_t body_memory[2 * SMALL_BYTES_MAX];
    struct buffer args_bytes = buffer_make(args_memory, sizeof(args_memory));
    struct buffer reads = buffer_make(reads_memory, sizeof(reads_memory));
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct proposal proposal = {
        .action = wish->action,
        .not_before_ms = wish->not_before_ms,
        .deadline_ms = wish->deadline_ms,
        .proposer = {ROLE_MEMBER, bytes_of_text(member->subject)},
    };
    struct signed_part part;

    put_args(wish, &args_bytes);
    const uint32_t read_count = put_reads(wish->action, in_force, &reads);
    proposal.args = buffer_bytes(&args_bytes);
    proposal.reads = (struct wire_list){buffer_bytes(&reads), read_count};
    randombytes_buf(proposal.nonce, sizeof(proposal.nonce));
    hash_bytes(wish->reason, proposal.memo_hash);
    CHECK(proposal_encode(&proposal, &body));
    part.body = buffer_bytes(&body);
    secret_key_sign(member, TAG_PROPOSAL, in_force->charter->cluster_id, part.body, part.sig);
    if (!put_file(&part, (struct wire_list){BYTES_EMPTY, 0}, wish->reason, out)) {
        (void)problem_say(problem, STATUS_INVALID,
                          "the reason is longer than %d bytes, or has characters that cannot be "
                          "printed",
                          PROPOSAL_REASON_BYTES_MAX);
        return problem_advise(problem, "say it in one short sentence: --reason 'host compromise'");
    }
    return STATUS_OK;
}

void paper_vote(const struct paper *paper, const struct in_force *in_force,
                const struct secret_key *member, enum choice choice, struct bytes reason,
                struct buffer *out)
{
    uint8_t memory[BALLOT_BYTES_MAX];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct ballot ballot = {
        .mid = bytes_of_text(member->subject),
        .choice = (uint64_t)choice,
        .members_version = in_force_version(in_force, SECTION_MEMBERS),
    };
    struct signed_part part;

    memcpy(ballot.pid, paper->pid, HASH_BYTES);
    if (reason.len > 0) {
        hash_bytes(reason, ballot.reason_hash);
    }
    CHECK(ballot_encode(&ballot, &body));
    part.body = buffer_bytes(&body);
    secret_key_sign(member, TAG_BALLOT, in_force->charter->cluster_id, part.body, part.sig);
    CHECK(signed_part_encode(&part, out));
}

static bool put_ballots(const struct paper_ballot *ballots, uint32_t count, struct buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct signed_part part = {.body = ballots[i].body};

        memcpy(part.sig, ballots[i].sig, SIG_BYTES);
        if (!signed_part_encode(&part, out)) {
            return false;
        }
    }
    return true;
}

bool paper_join(const struct paper *paper, const struct paper_ballot *ballots, uint32_t count,
                struct buffer *out)
{
    uint8_t memory[PAPER_BYTES_MAX];
    struct buffer list = buffer_make(memory, sizeof(memory));
    struct signed_part proposal = {.body = paper->body};

    memcpy(proposal.sig, paper->sig, SIG_BYTES);
    return paper->ballot_count + count <= PAPER_BALLOTS_MAX &&
           put_ballots(paper->ballots, paper->ballot_count, &list) &&
           put_ballots(ballots, count, &list) &&
           put_file(&proposal, (struct wire_list){buffer_bytes(&list), paper->ballot_count + count},
                    paper->reason, out);
}

enum status paper_write(const char *path, const char *label, struct bytes object,
                        struct problem *problem)
{
    uint8_t memory[ARMOUR_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));

    armour_put(&text, label, object);
    CHECK(!text.full);
    return file_create(path, 0644, buffer_bytes(&text), problem);
}
