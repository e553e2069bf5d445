/* Counts words: read.c finds them, table.c counts them, print.c shows them. */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>
#include <stdio.h>

struct word {
	struct word *next;
	size_t count;
	char text[];
};

struct table {
	struct word **buckets;
	size_t size;
	size_t used;
};

/* All of these return 0, or -1 with errno set. */
int table_add(struct table *table, const char *word, size_t length);
int read_words(struct table *table, FILE *in);
int print_words(const struct table *table, size_t most, FILE *out);

void table_free(struct table *table);

#endif
