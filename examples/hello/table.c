#include "words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash(const char *word, size_t length)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)word[i]) * 16777619u;
	return hash;
}

static int grow(struct table *table)
{
	size_t size = table->size ? table->size * 2 : 64;
	struct word **buckets = calloc(size, sizeof(*buckets));

	if (!buckets)
		return -1;
	for (size_t i = 0; i < table->size; i++) {
		struct word *next;

		for (struct word *word = table->buckets[i]; word; word = next) {
			struct word **bucket = &buckets[hash(word->text, strlen(word->text)) % size];

			next = word->next;
			word->next = *bucket;
			*bucket = word;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->size = size;
	return 0;
}

int table_add(struct table *table, const char *text, size_t length)
{
	struct word *word;
	struct word **bucket;

	if (table->used == table->size && grow(table) < 0)
		return -1;
	bucket = &table->buckets[hash(text, length) % table->size];
	for (word = *bucket; word; word = word->next) {
		if (strlen(word->text) == length && memcmp(word->text, text, length) == 0) {
			word->count++;
			return 0;
		}
	}
	word = malloc(sizeof(*word) + length + 1);
	if (!word)
		return -1;
	memcpy(word->text, text, length);
	word->text[length] = '\0';
	word->count = 1;
	word->next = *bucket;
	*bucket = word;
	table->used++;
	return 0;
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->size; i++) {
		struct word *next;

		for (struct word *word = table->buckets[i]; word; word = next) {
			next = word->next;
			free(word);
		}
	}
	free(table->buckets);
	*table = (struct table){ 0 };
}
