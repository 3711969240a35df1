/* The other library. It is linked against, and thrown away. */
int WANTED(void) { return 1; }
