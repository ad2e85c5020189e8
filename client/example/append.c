/* The smallest program that uses libvestry: append one entry, read it back, keep the receipt.
 *
 *     cc append.c $(pkg-config --cflags --libs vestry) -o append
 *     ./append charter.genesis client.token client.key state orders hello */
#include <stdio.h>
#include <string.h>
#include <vestry/vestry.h>

static int fail(const struct vestry_problem *problem)
{
    (void)fprintf(stderr, "error: %s\n  try: %s\n", problem->what, problem->todo);
    return 1;
}

/* Read the entry back, proven, and compare. */
static int read_back(struct vestry *log, uint64_t index, const char *text)
{
    struct vestry_query query = VESTRY_QUERY;
    struct vestry_entries *entries = NULL;
    struct vestry_read_entry entry;

    query.from = index;
    query.consistency = VESTRY_CAUSAL; /* what this program has appended, at least */
    if (vestry_read(log, &query, &entries) != VESTRY_OK) {
        return fail(vestry_last_problem(log));
    }
    vestry_entries_get(entries, 0, &entry);
    const int same =
        entry.payload_len == strlen(text) && memcmp(entry.payload, text, entry.payload_len) == 0;
    (void)printf("read %s\n", same ? "the same" : "something else");
    vestry_entries_free(entries);
    return same ? 0 : 1;
}

static int append(struct vestry *log, const char *stream, const char *text)
{
    const struct vestry_entry entry = VESTRY_ENTRY(stream, text, strlen(text));
    struct vestry_receipts *receipts = NULL;
    struct vestry_receipts_look look;
    size_t len = 0;

    if (vestry_append(log, &entry, 1, NULL, &receipts) != VESTRY_OK) {
        return fail(vestry_last_problem(log));
    }
    vestry_receipts_look(receipts, &look);
    char *receipt = vestry_receipts_text(receipts, 0, &len);
    (void)printf("appended at index %llu, signed by %u replicas, receipt of %zu bytes\n",
                 (unsigned long long)look.first_index, look.signer_count, len);
    vestry_free(receipt);
    vestry_receipts_free(receipts);
    return read_back(log, look.first_index, text);
}

int main(int argc, char **argv)
{
    struct vestry_options options = VESTRY_OPTIONS;
    struct vestry_problem problem;

    if (argc != 7) {
        (void)fprintf(stderr, "usage: append CHARTER TOKEN KEY STATE STREAM TEXT\n");
        return 2;
    }
    options.charter = argv[1];
    options.token = argv[2];
    options.key = argv[3];
    options.state = argv[4];
    struct vestry *log = vestry_open(&options, &problem);
    if (log == NULL) {
        return fail(&problem);
    }
    const int code = append(log, argv[5], argv[6]);
    vestry_close(log);
    return code;
}
