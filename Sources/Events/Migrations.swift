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
    Migration(
        module: "events", number: 2, name: "settings of buses and rules, tags, queues of dead letters",
        sql: """
            ALTER TABLE buses ADD COLUMN kms_key TEXT;
            ALTER TABLE buses ADD COLUMN dead_letter TEXT;
            ALTER TABLE buses ADD COLUMN log_config TEXT;
            -- The resource policy, as it was written.
            ALTER TABLE buses ADD COLUMN policy TEXT;
            ALTER TABLE buses ADD COLUMN modified INTEGER;
            ALTER TABLE rules ADD COLUMN options TEXT;
            CREATE TABLE event_tags (
                arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)
            ) STRICT, WITHOUT ROWID;
            -- The keys that rules with a deduplication window have met, and when first.
            CREATE TABLE rule_occurrences (
                bus TEXT NOT NULL, rule TEXT NOT NULL, key BLOB NOT NULL, time INTEGER NOT NULL,
                PRIMARY KEY (bus, rule, key)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX rule_occurrences_time ON rule_occurrences (time);
            -- Whether `due` is a turn at a rate, which the delivery has waited for.
            ALTER TABLE deliveries ADD COLUMN has_turn INTEGER NOT NULL DEFAULT 0;
            -- `body` is what the queue is to receive; null once it has, or where there is no queue. `queue_error` says
            -- why the queue would not have it.
            ALTER TABLE dead_letters ADD COLUMN body TEXT;
            ALTER TABLE dead_letters ADD COLUMN queue_error TEXT;
            CREATE INDEX dead_letters_unsent ON dead_letters (sequence) WHERE body IS NOT NULL;
            """),
] + ConnectionStore.migrations + ArchiveStore.migrations + ReplayStore.migrations + SchedulerStore.migrations
    + PipeStore.migrations + ScheduleStore.migrations + FileResource.migrations
