"""Changes a database behind the server's back, as a forger would.

sql.py DATABASE STATEMENT
"""

import sqlite3
import sys

database = sqlite3.connect(sys.argv[1])
# A forger removes whatever stands in the way.
for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
    database.execute(f"DROP TRIGGER {name}")
changed = database.execute(sys.argv[2]).rowcount
database.commit()
assert changed == 1, f"{changed} rows changed"
