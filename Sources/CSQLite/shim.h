#include <sqlite3.h>

// SQLITE_TRANSIENT, which tells SQLite to copy the text, is a cast that Swift does not import.
static inline int bind_copied_text(sqlite3_stmt *statement, int position, const char *text, int length) {
  return sqlite3_bind_text(statement, position, text, length, SQLITE_TRANSIENT);
}
