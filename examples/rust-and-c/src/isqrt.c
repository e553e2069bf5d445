unsigned isqrt(unsigned number)
{
	unsigned root = 0;

	for (unsigned bit = 1u << 15; bit; bit >>= 1) {
		unsigned long long guess = root | bit;

		if (guess * guess <= number)
			root |= bit;
	}
	return root;
}
