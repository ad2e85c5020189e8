#include "replica/host/read_request.h"

#include "governance/capability.h"

#include <stdlib.h>
#include <string.h>

/* The item in the attachment of a REQUEST. */
static bool find_item(struct bytes frame, struct item *item)
{
    struct envelope envelope;
    struct request_parcel parcel;
    size_t used = 0;
    return schema_decode_front(&schema_envelope, frame, &envelope, &used) == WIRE_OK &&
           envelope.type == MESSAGE_REQUEST &&
           request_parcel_decode(bytes_slice(frame, used, frame.len - used), &parcel) == WIRE_OK &&
           item_decode(parcel.item, item) == WIRE_OK;
}

enum drop read_request_verify(const struct memo_verifier *verifier,
                              const uint8_t cluster_id[HASH_BYTES], struct bytes frame)
{
    struct item item;
    struct item_signature signatures[ITEM_SIGNATURES_MAX];
    struct item_view *view = (struct item_view *)malloc(sizeof *view);
    if (view == NULL) {
        return DROP_NO_MEMORY;
    }
    enum drop drop = DROP_NONE;
    if (!find_item(frame, &item) || item_parse(&item, cluster_id, view) != RESULT_OK ||
        view->request.op != OP_READ) {
        drop = DROP_MALFORMED;
    } else {
        uint32_t count = item_signatures(view, signatures);
        for (uint32_t i = 0; i < count && drop == DROP_NONE; i++) {
            const struct item_signature *one = &signatures[i];
            if (!memo_verify(verifier, one->public_key, one->statement, one->sig)) {
                drop = DROP_CLIENT_SIGNATURE;
            }
        }
    }
    free(view);
    return drop;
}

/* A read by position in the whole log is allowed to whoever may read anything: what it may see of
 * each entry is decided entry by entry (read_answer.h). For the check it therefore stands as a read
 * of something that the token's last block covers. */
static void settle_positions(struct item_view *view)
{
    if (view->chain.count == 0) {
        return;
    }
    const struct prefix_set *prefixes = &view->chain.blocks[view->chain.count - 1].limits.prefixes;
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->statements[i].stream.len == 0 && prefixes->count > 0) {
            view->statements[i].stream = prefixes->list[0];
            view->statements[i].stream_no = i;
        }
    }
}

static struct question *make_question(const struct item *item, const struct item_view *view,
                                      uint64_t code)
{
    struct question *question = (struct question *)calloc(1, sizeof *question);
    CHECK(question != NULL);
    question->kind = QUESTION_READ;
    question->ask.code = code;
    memcpy(question->ask.request_id, view->request_id, HASH_BYTES);
    if (code == RESULT_OK) {
        size_t statements_len = item->statements.raw.len;
        question->memory = (uint8_t *)malloc(statements_len + item->token.len + 1);
        CHECK(question->memory != NULL);
        memcpy(question->memory, item->statements.raw.data, statements_len);
        memcpy(question->memory + statements_len, item->token.data, item->token.len);
        question->ask.statements.raw = bytes_make(question->memory, statements_len);
        question->ask.statements.count = item->statements.count;
        question->ask.token = bytes_make(question->memory + statements_len, item->token.len);
    }
    return question;
}

struct question *read_request_judge(const struct read_gate *gate, struct bytes frame)
{
    struct item item;
    if (!find_item(frame, &item)) {
        return NULL;
    }
    enum result_code code = item_parse(&item, node_cluster_id(gate->node), gate->view);
    if (code == RESULT_OK && gate->view->request.op != OP_READ) {
        return NULL;
    }
    if (code == RESULT_OK) {
        struct cap_verdict verdict;
        const struct sig_oracle oracle = memo_oracle(gate->verifier);
        const struct cap_context context = {.state = node_state(gate->node),
                                            .rights = node_rights(gate->node),
                                            .oracle = &oracle,
                                            .height = gate->height,
                                            .time_ms = gate->time_ms,
                                            .audience = (uint64_t)gate->rid + 1};
        settle_positions(gate->view);
        code = cap_check(&context, gate->view, &verdict);
    }
    return make_question(&item, gate->view, code);
}
