#include "governance/session.h"

#include "governance/state_key.h"

bool session_read(const struct state *state, const uint8_t session[PUBLIC_KEY_BYTES],
                  struct session_record *out)
{
    const struct state_key key = state_key_session(session);
    struct bytes value;

    return state_get(state, state_key_bytes(&key), &value) &&
           session_record_decode(value, out) == WIRE_OK;
}

/* Bit i of the window stands for the number highest - i, so bit 0 is set from the first use on. */
bool session_is_fresh(const struct session_record *record, uint64_t request_no)
{
    if (record == NULL || request_no > record->highest) {
        return true;
    }

    const uint64_t below = record->highest - request_no;

    return below < SESSION_WINDOW && (record->window >> below & 1) == 0;
}

bool session_fresh(const struct state *state, const uint8_t session[PUBLIC_KEY_BYTES],
                   uint64_t request_no)
{
    struct session_record record;

    return session_is_fresh(session_read(state, session, &record) ? &record : NULL, request_no);
}

bool session_result_find(const struct state *state, const uint8_t session[PUBLIC_KEY_BYTES],
                         uint64_t request_no, struct session_result *out)
{
    const struct state_key key = state_key_result(session, request_no);
    struct session_result found;
    struct bytes value;

    if (!state_get(state, state_key_bytes(&key), &value) ||
        session_result_decode(value, &found) != WIRE_OK || found.request_no != request_no) {
        return false;
    }
    *out = found;
    return true;
}

static void number_use(struct session_record *record, uint64_t request_no)
{
    if (request_no <= record->highest) {
        record->window |= UINT64_C(1) << (record->highest - request_no);
        return;
    }

    const uint64_t up = request_no - record->highest;

    record->window = up < SESSION_WINDOW ? record->window << up : 0;
    record->window |= 1;
    record->highest = request_no;
}

bool session_use(struct state *state, const uint8_t session[PUBLIC_KEY_BYTES], uint64_t expires_ms,
                 const struct session_result *result)
{
    const struct state_key key = state_key_session(session);
    const struct state_key result_key = state_key_result(session, result->request_no);
    struct session_record record;
    uint8_t bytes[128];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const bool exists = session_read(state, session, &record);

    CHECK(session_result_encode(result, &out));
    if (!state_put(state, state_key_bytes(&result_key), buffer_bytes(&out))) {
        return false;
    }
    if (exists) {
        CHECK(session_is_fresh(&record, result->request_no));
        number_use(&record, result->request_no);
    } else {
        record = (struct session_record){result->request_no, 1, expires_ms};
    }
    out = buffer_make(bytes, sizeof(bytes));
    CHECK(session_record_encode(&record, &out));
    if (!state_put(state, state_key_bytes(&key), buffer_bytes(&out))) {
        /* Only a new session can lack room, and it had no result before. */
        state_erase(state, state_key_bytes(&result_key));
        return false;
    }
    return true;
}

void session_drop(struct state *state, const uint8_t session[PUBLIC_KEY_BYTES])
{
    const struct state_key key = state_key_session(session);

    for (uint64_t place = 0; place < SESSION_WINDOW; place++) {
        const struct state_key result = state_key_result(session, place);

        state_erase(state, state_key_bytes(&result));
    }
    state_erase(state, state_key_bytes(&key));
}
