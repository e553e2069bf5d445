#include "words.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	struct table table = { 0 };
	size_t most = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
	int failed = read_words(&table, stdin) < 0 || print_words(&table, most, stdout) < 0;

	if (failed)
		perror("words");
	table_free(&table);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
