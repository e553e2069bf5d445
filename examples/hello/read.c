#include "words.h"

#include <ctype.h>
#include <errno.h>

int read_words(struct table *table, FILE *in)
{
	char word[256];
	size_t length = 0;
	int c;

	do {
		c = getc(in);
		if (c != EOF && isalpha(c)) {
			/* The rest of a longer word is another word. */
			if (length == sizeof(word)) {
				if (table_add(table, word, length) < 0)
					return -1;
				length = 0;
			}
			word[length++] = (char)tolower(c);
		} else if (length > 0) {
			if (table_add(table, word, length) < 0)
				return -1;
			length = 0;
		}
	} while (c != EOF);
	if (ferror(in)) {
		errno = EIO;
		return -1;
	}
	return 0;
}
