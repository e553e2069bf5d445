#include "words.h"

#include <stdlib.h>
#include <string.h>

/* The most frequent words first, equals by the alphabet. */
static int order(const void *left, const void *right)
{
	const struct word *a = *(const struct word *const *)left;
	const struct word *b = *(const struct word *const *)right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->text, b->text);
}

int print_words(const struct table *table, size_t most, FILE *out)
{
	const struct word **words;
	size_t used = 0;

	if (table->used == 0)
		return 0;
	words = malloc(table->used * sizeof(*words));
	if (!words)
		return -1;
	for (size_t i = 0; i < table->size; i++)
		for (const struct word *word = table->buckets[i]; word; word = word->next)
			words[used++] = word;
	qsort(words, used, sizeof(*words), order);
	for (size_t i = 0; i < used && i < most; i++)
		fprintf(out, "%6zu %s\n", words[i]->count, words[i]->text);
	free(words);
	return ferror(out) ? -1 : 0;
}
