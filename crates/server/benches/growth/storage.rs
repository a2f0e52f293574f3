//! How large tables and indexes are, and how many updates stayed in their page.

use crate::support::fixture::Fixture;

/// One row a table or index, largest first; partitions that hold nothing are left out.
const SIZES: &str = "
    SELECT string_agg(format('| %s | %s |', relname, pg_size_pretty(pg_relation_size(oid))), E'\\n'
        ORDER BY pg_relation_size(oid) DESC)
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND pg_relation_size(oid) > 65536";

const FILLFACTOR: &str =
    "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'runs'::regclass";

const HOT: &str = "
    SELECT format('%s of %s updates of runs were HOT (%s %%)', n_tup_hot_upd, n_tup_upd,
        round(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), 1))
    FROM pg_stat_user_tables WHERE relname = 'runs'";

/// Prints the sizes in a database.
pub(crate) fn print(fixture: &mut Fixture<'_>) -> anyhow::Result<()> {
    let dataset = fixture.requests.dataset;
    println!("\n### {} runs in {} flows\n", dataset.runs, dataset.flows);
    println!("| table or index | size |\n|---|---|");
    println!("{}", fixture.database.text(SIZES)?);
    let (hot, fillfactor) = (fixture.database.text(HOT)?, fixture.database.text(FILLFACTOR)?);
    println!("\n{hot}, with {fillfactor}.");
    Ok(())
}
