/* Calls one function of another library; which one, of which library and version, says the command that compiles it. */
extern int WANTED(void);

int ask(void) { return WANTED(); }
