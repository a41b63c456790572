"""The tables of the journal, and their version.

Version history:
    1: the first.
    2: rows.country, so that messages are counted by country without reading every row.
    3: rows.used, so that a report says which number a user was left with; drift.pass; and rows that have
        written know their user again.
    4: shorter texts for steps and states.
    5: call_rates; and passes.context, who worked how: caller, host, versions, rates, options.
    6: audited, so that the lists of an audit can be written again.
"""

from migrate_mfa.journal.rows import used_number

VERSION = 6
COUNTS_COUNTRIES = 2
"""The first version with the countries of the planned numbers."""
# Calls over time, for charts: see journal.call_rates. `at` is the beginning of a span of `width` seconds.
_CALL_RATES = (
    "CREATE TABLE call_rates (pass INTEGER NOT NULL, category TEXT NOT NULL, at INTEGER NOT NULL,"
    " width INTEGER NOT NULL, sent INTEGER NOT NULL, throttled INTEGER NOT NULL,"
    " PRIMARY KEY (pass, category, at)) WITHOUT ROWID"
)
# The users in an audit's lists, in the order of the scan; for `why` see AuditStore.
_AUDITED = (
    "CREATE TABLE audited (row INTEGER PRIMARY KEY, username TEXT NOT NULL, sub TEXT NOT NULL, email TEXT,"
    " phone TEXT, status TEXT NOT NULL, why TEXT NOT NULL)"
)
# Rows that have written keep their user; before version 3 some were looked up again and lost their user.
_USER_OF_WRITES = (
    "UPDATE rows SET user_sub ="
    " (SELECT w.user_sub FROM writes w WHERE w.row = rows.row ORDER BY w.id DESC LIMIT 1)"
    " WHERE user_sub IS NULL AND EXISTS"
    " (SELECT 1 FROM writes w WHERE w.row = rows.row AND w.result <> 'refused' AND w.user_sub <> '')"
)
_USER_BEFORE_WRITES = (
    "INSERT INTO users (sub, username, username_key, email, email_key, email_verified, phone, phone_verified,"
    " status, enabled, modified)"
    " SELECT user_sub, state ->> 'username', state ->> 'username', state ->> 'email', state ->> 'email',"
    " COALESCE(state ->> 'email_verified', 0), state ->> 'phone', COALESCE(state ->> 'phone_verified', 0),"
    " state ->> 'status', state ->> 'enabled', state ->> 'modified' FROM before_images"
    " WHERE user_sub NOT IN (SELECT sub FROM users)"
    " AND user_sub IN (SELECT user_sub FROM rows WHERE user_sub NOTNULL)"
)
UPGRADES = {
    1: (
        "ALTER TABLE rows ADD COLUMN country TEXT",
        "UPDATE rows SET country = country_of(wish) WHERE wish NOTNULL",
    ),
    2: (
        "ALTER TABLE drift ADD COLUMN pass INTEGER NOT NULL DEFAULT 0",
        _USER_OF_WRITES,
        _USER_BEFORE_WRITES,
        "ALTER TABLE rows ADD COLUMN used TEXT",
        "UPDATE rows SET used = " + used_number("rows.reason"),
    ),
    3: (),
    4: ("ALTER TABLE passes ADD COLUMN context TEXT NOT NULL DEFAULT '{}'", _CALL_RATES),
    # A killed audit had left the users there whom it still had to read.
    5: (_AUDITED, """DELETE FROM users WHERE (SELECT value FROM meta WHERE key = 'kind') = '"audit"'"""),
}
"""By version, the upgrade to the next one; `country_of` is `domain.phone.country_of`."""

SCHEMA = f"""
{_CALL_RATES};
{_AUDITED};
-- One fact a line: run id, pool, roster, the options that change decisions, the phase.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One line for each record of the roster; `outcome` is the only truth about it.
CREATE TABLE rows (
    row         INTEGER PRIMARY KEY,            -- the record's number in the roster, from 1
    first_line  INTEGER NOT NULL,
    last_line   INTEGER NOT NULL,
    cells       TEXT NOT NULL,                  -- the input cells, a JSON array of texts
    readable    INTEGER NOT NULL,               -- 0: rejected by the roster alone, never decided again
    sub         TEXT,
    username    TEXT,
    email       TEXT,
    phone       TEXT,                           -- E.164; null: the number that the pool has verified
    vouched     INTEGER,                        -- the row's phone_number_verified; null: unsaid
    guesses     TEXT NOT NULL DEFAULT '',
    user_sub    TEXT,                           -- whom it means, once resolved
    wish        TEXT,                           -- the number that this user should end with
    country     TEXT,                           -- of that number, two letters
    used        TEXT,                           -- the number that was stored for this user, or used
    trust       TEXT,                           -- how far the row may be believed, for comparing rows
    wished_by_others INTEGER NOT NULL DEFAULT 0,
    held_by_other    INTEGER NOT NULL DEFAULT 0,
    steps       TEXT,                           -- what is planned, see values.steps_to_text; null: nothing
    verb        TEXT NOT NULL DEFAULT 'run',    -- which command's plan it is; no other carries it out
    was         TEXT,                           -- the reason before it was decided again
    ends        TEXT,                           -- the reason that the row ends with when the plan is done
    outcome     TEXT NOT NULL DEFAULT 'unprocessed',
    reason      TEXT,
    detail      TEXT NOT NULL DEFAULT '',
    updated_at  REAL NOT NULL DEFAULT 0
);
CREATE INDEX open_rows ON rows(row) WHERE outcome = 'unprocessed';
CREATE INDEX rows_by_outcome ON rows(outcome, reason);
-- rows(user_sub), rows(wish), and users by sub and by their other keys, are indexed once the bulk is in: see
-- PlanStore.

-- The pool's users that the roster concerns, as ListUsers showed them; unique by sub once indexed.
CREATE TABLE users (
    sub            TEXT NOT NULL,
    username       TEXT NOT NULL,
    username_key   TEXT NOT NULL,               -- folded where the pool does not tell cases apart
    email          TEXT,
    email_key      TEXT,
    email_verified INTEGER NOT NULL,
    phone          TEXT,
    phone_verified INTEGER NOT NULL,
    status         TEXT NOT NULL,
    enabled        INTEGER NOT NULL,
    modified       REAL NOT NULL                -- UserLastModifiedDate at our last look
);

-- A user's state before the first write of this run; written once, never replaced.
CREATE TABLE before_images (
    user_sub TEXT PRIMARY KEY,
    row      INTEGER NOT NULL,
    state    TEXT NOT NULL,                     -- see values.state_to_json
    at       REAL NOT NULL
) WITHOUT ROWID;

-- The same users as a later look at the pool showed them; emptied when that look is over.
CREATE TABLE seen (
    sub            TEXT PRIMARY KEY,
    username       TEXT NOT NULL,
    email          TEXT,
    email_verified INTEGER NOT NULL,
    phone          TEXT,
    phone_verified INTEGER NOT NULL,
    status         TEXT NOT NULL,
    enabled        INTEGER NOT NULL,
    modified       REAL NOT NULL
) WITHOUT ROWID;

-- Enrolled users who are not protected any more; looked at again each time until they are.
CREATE TABLE drift (
    user_sub TEXT PRIMARY KEY,
    row      INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    detail   TEXT NOT NULL,
    since    REAL NOT NULL,
    pass     INTEGER NOT NULL DEFAULT 0         -- the pass that found it first
) WITHOUT ROWID;

-- Every write, as an intent before it is sent and with its result after.
CREATE TABLE writes (
    id       INTEGER PRIMARY KEY,
    row      INTEGER NOT NULL,
    user_sub TEXT NOT NULL,
    pass     INTEGER NOT NULL,
    step     TEXT NOT NULL,
    result   TEXT NOT NULL DEFAULT 'intent',    -- intent | done | refused | unknown
    at       REAL NOT NULL
);
CREATE INDEX writes_by_row ON writes(row);

-- Every invocation that worked on this directory.
CREATE TABLE passes (
    id         INTEGER PRIMARY KEY,
    command    TEXT NOT NULL,
    state      TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at   REAL,
    reads_only INTEGER NOT NULL DEFAULT 0,      -- users that were read, hence billed, without a write
    context    TEXT NOT NULL DEFAULT '{{}}',    -- who worked how, JSON: see Session.context
    extra      TEXT NOT NULL DEFAULT '{{}}'     -- what this command adds to its summary, JSON
);
CREATE TABLE calls (
    pass      INTEGER NOT NULL,
    category  TEXT NOT NULL,
    sent      INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    retried   INTEGER NOT NULL,
    PRIMARY KEY (pass, category)
) WITHOUT ROWID;
"""
