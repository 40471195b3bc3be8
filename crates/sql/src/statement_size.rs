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

/// The next of few lengths, at most half as long again as `rows`. A statement whose rows are repeated up to it is likely to be
/// one that is kept prepared.
#[must_use]
pub fn kept_length(rows: usize) -> usize {
    let step = rows.checked_ilog2().map_or(1, |log| 1 << log.saturating_sub(1));
    rows.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_few_and_not_much_longer() {
        let mut lengths: Vec<_> = (0..=64).map(kept_length).collect();
        assert!((0..=64).all(|rows| lengths[rows] >= rows && 2 * lengths[rows] <= 3 * rows));
        lengths.dedup();
        assert_eq!(lengths, [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
    }

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
