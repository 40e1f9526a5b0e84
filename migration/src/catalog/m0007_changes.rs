//! How often the catalog has changed, so that whoever keeps which tenant a name names need only ask whether it has.

use crate::set::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    name: "m0007_changes",
    // An SQLite file has one process that serves it.
    ddl: "",
    functions: &[COUNTER, COUNT, TENANTS, DOMAINS],
    isolated: &[],
    backfilled: &[],
    needed_to_serve: true,
};

/// The table of one row that says how often tenants or their domains have changed. Only on PostgreSQL.
pub const CHANGES: &str = "catalog_changes";

const COUNTER: &str = "
    CREATE TABLE {schema}.catalog_changes (number bigint NOT NULL, counted_by xid8 NOT NULL);
    INSERT INTO {schema}.catalog_changes VALUES (0, pg_current_xact_id())";

/// Counts a transaction once. Nobody may call it: it runs as the owner, whoever has changed something.
const COUNT: &str = "
    CREATE FUNCTION {schema}.count_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
    BEGIN
        UPDATE {schema}.catalog_changes SET number = number + 1, counted_by = pg_current_xact_id()
        WHERE counted_by <> pg_current_xact_id();
        RETURN NULL;
    END $$;
    REVOKE EXECUTE ON FUNCTION {schema}.count_change() FROM PUBLIC";

/// At the commit, and not before: the row is locked for a moment only, and whoever reads a new number finds what was changed.
const TENANTS: &str = "
    CREATE CONSTRAINT TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE ON {schema}.tenants
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {schema}.count_change()";

const DOMAINS: &str = "
    CREATE CONSTRAINT TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE ON {schema}.tenant_domains
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {schema}.count_change()";
