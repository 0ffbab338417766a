/* The JSON reader: a run in pieces gives what the whole run gives; and the typed decoder on the
 * same bytes. */
#include "split.h"
#include "json/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t hash_key[16] = {1};

static bool feed(struct cf_json_reader *reader, struct cf_slice piece, uint64_t *trace)
{
    struct cf_json_event event = {.type = CF_JSON_NULL};
    while (event.type != CF_JSON_NEED_MORE) {
        enum cf_error error = cf_json_next(reader, &piece, &event);
        if (error != CF_OK) {
            note(trace, 1000 + (unsigned)error);
            return false;
        }
        if (event.type == CF_JSON_NEED_MORE)
            continue;
        note(trace, event.type);
        note(trace, event.depth);
        note_bytes(trace, event.text);
    }
    return true;
}

static uint64_t run(struct cf_slice input, uint32_t state)
{
    struct cf_json_limits limits = {.bytes_max = 4096,
                                    .string_bytes_max = 256,
                                    .keys_max = 64,
                                    .depth_max = 16,
                                    .number_bytes_max = 20};
    struct cf_json_reader reader;
    struct cf_json_event event;
    uint64_t trace = 14695981039346656037u;
    cf_json_reader_init(&reader, &limits, hash_key);
    bool going = true;
    while (going && input.len > 0) {
        struct cf_slice piece = input;
        if (state != 0)
            piece = next_piece(&input, &state);
        else
            input.len = 0;
        going = feed(&reader, piece, &trace);
    }
    if (going) {
        note(&trace, (uint64_t)cf_json_finish(&reader, &event));
        note(&trace, event.type);
        note_bytes(&trace, event.text);
    }
    cf_json_reader_deinit(&reader);
    return trace;
}

static void read_object(struct cf_slice input)
{
    struct cf_json_field fields[] = {
        {.name = "a", .types = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER, .required = true},
        {.name = "b", .types = CF_JSON_IS_OBJECT | CF_JSON_IS_ARRAY | CF_JSON_IS_BOOL},
    };
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_arena arena;
    const char *wrong;
    int64_t number;
    cf_arena_init(&arena, 1 << 20);
    if (cf_json_read_object(input, &limits, hash_key, &arena, fields, 2, &wrong) == CF_OK &&
        fields[0].is == CF_JSON_IS_NUMBER)
        (void)cf_json_to_i64(fields[0].text, &number);
    cf_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct cf_slice input = cf_slice_of(data + 1, size - 1);
    must_agree(run(input, 0), run(input, data[0] + 1u));
    read_object(input);
    return 0;
}
