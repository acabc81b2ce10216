public import Storage

/// The tables of this module.
public let eventsMigrations: [Migration] = [
    Migration(
        module: "events", number: 1, name: "buses, rules, deliveries",
        sql: """
            CREATE TABLE buses (
                name TEXT PRIMARY KEY, description TEXT, created INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            -- `file` names the rules file that owns the rule; null for rules made by PutRule.
            CREATE TABLE rules (
                bus TEXT NOT NULL, name TEXT NOT NULL, pattern TEXT, schedule TEXT, state TEXT NOT NULL,
                description TEXT, role_arn TEXT, file TEXT, created INTEGER NOT NULL,
                PRIMARY KEY (bus, name)
            ) STRICT, WITHOUT ROWID;
            -- `body` is the target as PutTargets takes it; `position` keeps their order.
            CREATE TABLE targets (
                bus TEXT NOT NULL, rule TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL,
                PRIMARY KEY (bus, rule, id),
                FOREIGN KEY (bus, rule) REFERENCES rules (bus, name)
            ) STRICT, WITHOUT ROWID;
            -- When a rule's schedule is next due; `anchor` is what rate() counts from.
            CREATE TABLE schedules (
                bus TEXT NOT NULL, rule TEXT NOT NULL, expression TEXT NOT NULL, anchor INTEGER NOT NULL,
                due INTEGER,
                PRIMARY KEY (bus, rule),
                FOREIGN KEY (bus, rule) REFERENCES rules (bus, name) ON DELETE CASCADE
            ) STRICT, WITHOUT ROWID;
            -- One event on its way to one target. The event itself is read from the journal; only a redriven
            -- delivery carries it, because the journal may have forgotten it.
            CREATE TABLE deliveries (
                sequence INTEGER NOT NULL, rule TEXT NOT NULL, target TEXT NOT NULL, bus TEXT NOT NULL,
                event_id TEXT NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL,
                entry BLOB,
                PRIMARY KEY (sequence, rule, target)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX deliveries_due ON deliveries (due);
            CREATE TABLE dead_letters (
                delivery_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, bus TEXT NOT NULL, rule TEXT NOT NULL,
                target TEXT NOT NULL, target_arn TEXT NOT NULL, queue_arn TEXT, event_id TEXT NOT NULL,
                error_code TEXT NOT NULL, error_message TEXT NOT NULL, condition TEXT, attempts INTEGER NOT NULL,
                time INTEGER NOT NULL, entry BLOB NOT NULL
            ) STRICT;
            CREATE INDEX dead_letters_rule ON dead_letters (bus, rule);
            -- How far a reader of the journal has come.
            CREATE TABLE journal_cursors (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE subscribers (
                name TEXT PRIMARY KEY, principal TEXT NOT NULL, sequence INTEGER NOT NULL, time INTEGER NOT NULL,
                lagging INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID;
            """),
] + SchedulerStore.migrations + PipeStore.migrations
