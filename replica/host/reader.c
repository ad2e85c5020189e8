#include "replica/host/reader.h"

#include "replica/host/evidence_files.h"
#include "replica/host/frames.h"

#include <stdlib.h>

/* What leaves room for the frame around it. Two statements of usual size are far below. */
#define EVIDENCE_BYTES_MAX (FRAME_BYTES_MAX - 1024)

struct reader {
    struct reader_setup setup;
    struct mailbox in_replicas;
    struct mailbox in_clients;
    struct mailbox done;
    pthread_mutex_t mutex; /* with wake: counts what lies in both boxes */
    pthread_cond_t filled;
    size_t waiting;
    bool closing;
    size_t under_way; /* the loop's own */
    struct serve *serve;
    struct read_maker *maker;
    struct buffer evidence; /* one file of it, and the frame that carries it */
    struct buffer evidence_frame;
    pthread_t thread;
};

void question_free(struct question *question)
{
    for (uint32_t i = 0; i < question->frame_count; i++) {
        blob_drop(question->frames[i]);
    }
    if (question->picture != NULL) {
        store_view_close(question->picture);
    }
    free(question->memory);
    free(question);
}

static void keep_frame(void *context, struct bytes frame)
{
    struct question *question = (struct question *)context;
    if (frame.len > 0 && question->frame_count < READER_FRAMES_MAX) {
        question->frames[question->frame_count++] = blob_make(frame);
    }
}

static void answer_evidence(struct reader *reader, struct question *question)
{
    struct buffer *file = &reader->evidence;
    struct buffer *frame = &reader->evidence_frame;
    file->len = 0;
    frame->len = 0;
    bool there = evidence_files_read(reader->setup.data, question->fetch.from, file) == STATUS_OK;
    CHECK(frames_put_data(frame, reader->setup.speaker.rid, &question->fetch, question->fetch.from,
                          there ? buffer_bytes(file) : BYTES_EMPTY));
    keep_frame(question, buffer_bytes(frame));
}

/* A client has no use for a state, and is not to make this replica load one. */
static void answer_snapshot_of_client(struct reader *reader, struct question *question)
{
    uint8_t memory[512];
    struct buffer frame = buffer_make(memory, sizeof memory);
    CHECK(frames_put_data(&frame, reader->setup.speaker.rid, &question->fetch, question->fetch.from,
                          BYTES_EMPTY));
    keep_frame(question, buffer_bytes(&frame));
}

static void answer(struct reader *reader, struct question *question)
{
    struct store_view *view = NULL;
    if (question->kind == QUESTION_PIN) {
        serve_pin(reader->serve, question->height, question->picture);
        question->picture = NULL;
        return;
    }
    if (question->kind == QUESTION_FETCH && question->fetch.kind == FETCH_EVIDENCE) {
        answer_evidence(reader, question);
        return;
    }
    if (question->kind == QUESTION_FETCH && question->fetch.kind == FETCH_SNAPSHOT &&
        !question->of_replica) {
        answer_snapshot_of_client(reader, question);
        return;
    }
    if (store_view_open(reader->setup.store, &view) != STATUS_OK) {
        return; /* the asker gets nothing, and asks another replica */
    }
    switch (question->kind) {
    case QUESTION_FETCH:
        serve_fetch(reader->serve, view, &question->fetch, keep_frame, question);
        break;
    case QUESTION_READ:
        keep_frame(question, read_answer_make(reader->maker, view, &question->ask));
        break;
    case QUESTION_KNOWN:
        keep_frame(question, read_known_make(reader->maker, view, &question->known));
        break;
    case QUESTION_PIN: /* above */
        break;
    }
    question->damaged = log_reader_damaged(serve_reader(reader->serve));
    store_view_close(view);
}

/* The next question, replicas' first; NULL when the reader closes. */
static struct question *next_question(struct reader *reader)
{
    CHECK(pthread_mutex_lock(&reader->mutex) == 0);
    while (reader->waiting == 0 && !reader->closing) {
        CHECK(pthread_cond_wait(&reader->filled, &reader->mutex) == 0);
    }
    bool closing = reader->closing;
    if (!closing) {
        reader->waiting--;
    }
    CHECK(pthread_mutex_unlock(&reader->mutex) == 0);
    void *item = NULL;
    if (closing) {
        return NULL;
    }
    if (mailbox_take(&reader->in_replicas, &item, 1) == 0) {
        CHECK(mailbox_take(&reader->in_clients, &item, 1) == 1);
    }
    return (struct question *)item;
}

static void *reader_main(void *argument)
{
    struct reader *reader = (struct reader *)argument;
    struct question *question = next_question(reader);
    for (; question != NULL; question = next_question(reader)) {
        answer(reader, question);
        CHECK(mailbox_put(&reader->done, question));
    }
    return NULL;
}

static void free_parts(struct reader *reader)
{
    if (reader->maker != NULL) {
        read_maker_close(reader->maker);
    }
    if (reader->serve != NULL) {
        serve_close(reader->serve);
    }
    free(reader->evidence.data);
    free(reader->evidence_frame.data);
    free(reader);
}

static enum status open_evidence(struct reader *reader)
{
    reader->evidence = buffer_make(malloc(EVIDENCE_BYTES_MAX), EVIDENCE_BYTES_MAX);
    reader->evidence_frame = buffer_make(malloc(FRAME_BYTES_MAX), FRAME_BYTES_MAX);
    return reader->evidence.data != NULL && reader->evidence_frame.data != NULL ? STATUS_OK
                                                                                : STATUS_NO_MEMORY;
}

static enum status open_boxes(struct reader *reader)
{
    if (mailbox_open(&reader->in_replicas, READER_QUESTIONS_MAX, MAILBOX_THREAD) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    if (mailbox_open(&reader->in_clients, READER_QUESTIONS_MAX, MAILBOX_THREAD) != STATUS_OK) {
        mailbox_close(&reader->in_replicas);
        return STATUS_NO_MEMORY;
    }
    if (mailbox_open(&reader->done, READER_QUESTIONS_MAX, MAILBOX_LOOP) != STATUS_OK) {
        mailbox_close(&reader->in_clients);
        mailbox_close(&reader->in_replicas);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static void close_box(struct mailbox *box)
{
    void *item = NULL;
    while (mailbox_take(box, &item, 1) == 1) {
        question_free((struct question *)item);
    }
    mailbox_close(box);
}

static void close_boxes(struct reader *reader)
{
    close_box(&reader->in_replicas);
    close_box(&reader->in_clients);
    close_box(&reader->done);
    pthread_cond_destroy(&reader->filled);
    pthread_mutex_destroy(&reader->mutex);
}

enum status reader_open(const struct reader_setup *setup, struct reader **out)
{
    struct reader *reader = (struct reader *)calloc(1, sizeof *reader);
    if (reader == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->setup = *setup;
    const struct serve_setup serve = {setup->speaker.rid, setup->charter_file, setup->snapshots};
    enum status status = serve_open(&serve, &reader->serve);
    if (status == STATUS_OK) {
        status =
            read_maker_open(&reader->setup.speaker, serve_reader(reader->serve), &reader->maker);
    }
    if (status == STATUS_OK) {
        status = open_evidence(reader);
    }
    if (status == STATUS_OK) {
        status = open_boxes(reader);
    }
    if (status != STATUS_OK) {
        free_parts(reader);
        return status;
    }
    CHECK(pthread_mutex_init(&reader->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&reader->filled, NULL) == 0);
    if (pthread_create(&reader->thread, NULL, reader_main, reader) != 0) {
        close_boxes(reader);
        free_parts(reader);
        return STATUS_NO_MEMORY;
    }
    *out = reader;
    return STATUS_OK;
}

void reader_close(struct reader *reader)
{
    CHECK(pthread_mutex_lock(&reader->mutex) == 0);
    reader->closing = true;
    CHECK(pthread_cond_signal(&reader->filled) == 0);
    CHECK(pthread_mutex_unlock(&reader->mutex) == 0);
    CHECK(pthread_join(reader->thread, NULL) == 0);
    close_boxes(reader);
    free_parts(reader);
}

bool reader_ask(struct reader *reader, struct question *question)
{
    if (reader->under_way == READER_QUESTIONS_MAX) {
        return false;
    }
    reader->under_way++;
    struct mailbox *box = question->of_replica ? &reader->in_replicas : &reader->in_clients;
    CHECK(mailbox_put(box, question));
    CHECK(pthread_mutex_lock(&reader->mutex) == 0);
    reader->waiting++;
    CHECK(pthread_mutex_unlock(&reader->mutex) == 0);
    CHECK(pthread_cond_signal(&reader->filled) == 0);
    return true;
}

void reader_pin(struct reader *reader, uint64_t height, struct store_view *picture)
{
    struct question *question = (struct question *)calloc(1, sizeof *question);
    CHECK(question != NULL);
    *question = (struct question){
        .kind = QUESTION_PIN, .of_replica = true, .height = height, .picture = picture};
    if (!reader_ask(reader, question)) {
        question_free(question);
    }
}

struct mailbox *reader_done(struct reader *reader)
{
    return &reader->done;
}

void reader_taken(struct reader *reader, size_t count)
{
    CHECK(count <= reader->under_way);
    reader->under_way -= count;
}
