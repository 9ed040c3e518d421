#include "video_tasks/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------- recalls

static bool before(const float *scores, uint32_t i, uint32_t j)
{
    const float a = scores[i], b = scores[j];
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? i > j : isnan(b);
    return a > b || (a == b && i > j);
}

uint32_t vb_best_rank(const float *scores, uint32_t count, const uint32_t *truths,
                      uint32_t truth_count)
{
    uint32_t best = truths[0], rank = 0;
    for (uint32_t i = 1; i < truth_count; i++)
        if (before(scores, truths[i], best))
            best = truths[i];
    for (uint32_t i = 0; i < count; i++)
        rank += before(scores, i, best);
    return rank;
}

static int by_place_found(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static double percent_below(const uint32_t *ranks, uint32_t count, uint32_t k)
{
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count; i++)
        hits += ranks[i] < k;
    return 100.0 * hits / count;
}

vb_recall vb_recall_of(uint32_t *ranks, uint32_t count)
{
    qsort(ranks, count, sizeof *ranks, by_place_found);
    vb_recall recall = {
        .r1 = percent_below(ranks, count, 1),
        .r5 = percent_below(ranks, count, 5),
        .r10 = percent_below(ranks, count, 10),
        .median = ((double)ranks[(count - 1) / 2] + (double)ranks[count / 2]) / 2 + 1,
    };
    recall.mean = (recall.r1 + recall.r5 + recall.r10) / 3;
    return recall;
}

// ---------------------------------------------------------------------------- answers

static bool is_white_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// The part of `text` between its blanks.
static const char *trimmed(const char *text, size_t *size)
{
    while (is_white_space(*text))
        text++;
    *size = strlen(text);
    while (*size && is_white_space(text[*size - 1]))
        --*size;
    return text;
}

bool vb_same_answer(const char *answer, const char *expected)
{
    size_t size, expected_size;
    answer = trimmed(answer, &size);
    expected = trimmed(expected, &expected_size);
    if (size != expected_size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (lower(answer[i]) != lower(expected[i]))
            return false;
    return true;
}

// The first word of a question, in lower case, without what is no letter or digit at its
// end: "What's" and "what," are "what's" and "what".
static char *first_word(vb_arena *arena, const char *question)
{
    size_t size;
    question = trimmed(question, &size);
    size_t length = 0;
    while (length < size && !is_white_space(question[length]))
        length++;
    while (length > 1 && strchr(".,;:!?\"'", question[length - 1]))
        length--;
    char *word = vb_arena_string(arena, question, length);
    for (size_t i = 0; word && i < length; i++)
        word[i] = lower(word[i]);
    return word;
}

// The first type that is not before `word`.
static uint32_t place_of(const vb_accuracy *accuracy, const char *word)
{
    uint32_t low = 0, high = accuracy->type_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (strcmp(accuracy->types[middle].type, word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static vblip_status insert(vb_accuracy *accuracy, uint32_t at, const char *word,
                           vblip_error *err)
{
    if (accuracy->type_count == accuracy->capacity) {
        const uint32_t capacity = accuracy->capacity ? 2 * accuracy->capacity : 16;
        vb_tally *types = realloc(accuracy->types, capacity * sizeof *types);
        if (!types)
            return vb_fail_memory(err, "types of questions");
        accuracy->types = types;
        accuracy->capacity = capacity;
    }
    vb_tally *place = accuracy->types + at;
    memmove(place + 1, place, (accuracy->type_count - at) * sizeof *place);
    *place = (vb_tally){.type = word};
    accuracy->type_count++;
    return VBLIP_OK;
}

vblip_status vb_accuracy_add(vb_accuracy *accuracy, const char *question, bool right,
                             vblip_error *err)
{
    const char *word = first_word(&accuracy->arena, question);
    if (!word)
        return vb_fail_memory(err, "types of questions");
    const uint32_t at = place_of(accuracy, word);
    if (at == accuracy->type_count || strcmp(accuracy->types[at].type, word) != 0)
        VB_TRY(insert(accuracy, at, word, err));
    accuracy->types[at].count++;
    accuracy->types[at].right += right;
    accuracy->all.count++;
    accuracy->all.right += right;
    return VBLIP_OK;
}

double vb_tally_percent(const vb_tally *tally)
{
    return tally->count ? 100.0 * tally->right / tally->count : 0.0;
}

void vb_accuracy_free(vb_accuracy *accuracy)
{
    free(accuracy->types);
    vb_arena_free(&accuracy->arena);
    *accuracy = (vb_accuracy){0};
}
