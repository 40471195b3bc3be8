use sea_orm::DbBackend;

/// How many rows of `columns` bound values each a single statement may carry.
///
/// Stays under the database's limit of bound values, and small enough to be kept prepared: SQLite's
/// program for a statement of a thousand rows takes half a megabyte.
#[must_use]
pub fn rows_per_statement(backend: DbBackend, columns: usize) -> usize {
    const MAX_ROWS: usize = 64;
    // SQLITE_MAX_VARIABLE_NUMBER of the bundled SQLite; PostgreSQL counts them in 16 bits.
    let bound_values = match backend {
        DbBackend::Sqlite => 32_766,
        _ => 65_535,
    };
    (bound_values / columns.max(1)).clamp(1, MAX_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_statement_stays_under_the_limit() {
        for (backend, limit) in [(DbBackend::Sqlite, 32_766), (DbBackend::Postgres, 65_535)] {
            for columns in 1..200 {
                let rows = rows_per_statement(backend, columns);
                assert!(rows >= 1 && rows * columns <= limit, "{backend:?} {columns}");
            }
        }
    }
}
