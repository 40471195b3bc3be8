//! Statements with many rows. Both databases read `$1`, so one text serves both.

use std::fmt::Write as _;

use sea_orm::{DbBackend, Statement, Value};
use wharf_sql::{kept_length, numbered, rows_per_statement};

/// Bound values from whatever converts into one.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::Value::from($value)),*] };
}
pub(crate) use values;

/// Rows for one table.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    into: &'static str,
    conflict: &'static str,
    values: Vec<Vec<Value>>,
}

impl Rows {
    /// For `INSERT INTO {into} VALUES (…), (…) {conflict}`.
    pub(crate) fn new(
        into: &'static str,
        conflict: &'static str,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Self {
        Self { into, conflict, values: rows.into_iter().collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn push(&mut self, row: Vec<Value>) {
        self.values.push(row);
    }

    /// Whether one statement can bring these and the others.
    pub(crate) fn is_like(&self, others: &Self) -> bool {
        (self.into, self.conflict) == (others.into, others.conflict)
    }

    pub(crate) fn append(&mut self, others: &Self) {
        self.values.extend_from_slice(&others.values);
    }

    pub(crate) fn statements(&self, backend: DbBackend) -> Vec<Statement> {
        insert_rows(backend, self.into, self.conflict, self.values.iter().cloned())
    }
}

/// `INSERT INTO {into} VALUES (…), (…) {conflict}`, in few statements; on SQLite of few different lengths, so that they are kept prepared.
///
/// No two rows may have the same key: PostgreSQL refuses to update a row twice.
pub(crate) fn insert_rows(
    backend: DbBackend,
    into: &str,
    conflict: &str,
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Vec<Statement> {
    let rows: Vec<_> = rows.into_iter().collect();
    let columns = rows.first().map_or(1, Vec::len);
    let mut statements = Vec::new();
    for rows in rows.chunks(rows_per_statement(backend, columns)) {
        // SQLite writes a row as often as it is given.
        let length =
            if backend == DbBackend::Sqlite { kept_length(rows.len()) } else { rows.len() };
        let repeated = rows.iter().chain(rows.last().into_iter().cycle()).take(length);
        let values: Vec<Value> = repeated.flatten().cloned().collect();
        let list = value_rows(1, columns, length);
        let sql = format!("INSERT INTO {into} VALUES {list} {conflict}");
        statements.push(numbered(backend, sql, values));
    }
    statements
}

/// `DELETE FROM {table} WHERE ({columns}) IN (VALUES (…), (…))`, in few statements of few different lengths.
pub(crate) fn delete_pairs(
    backend: DbBackend,
    table: &str,
    columns: [&str; 2],
    pairs: &[[Value; 2]],
) -> Vec<Statement> {
    let statement = |pairs: &[[Value; 2]]| {
        let length = kept_length(pairs.len());
        let list = value_rows(1, 2, length);
        let sql = format!("DELETE FROM {table} WHERE ({}) IN (VALUES {list})", columns.join(", "));
        let values = pairs.iter().chain(pairs.last().into_iter().cycle()).take(length).flatten();
        numbered(backend, sql, values.cloned().collect())
    };
    pairs.chunks(rows_per_statement(backend, 2)).map(statement).collect()
}

/// `{head} IN (…)` over all `items`, each statement with `shared` as its first values.
pub(crate) fn over_list(
    backend: DbBackend,
    head: &str,
    shared: &[Value],
    items: impl IntoIterator<Item = Value>,
) -> Vec<Statement> {
    let mut items = items.into_iter().peekable();
    let limit = rows_per_statement(backend, 1 + shared.len());
    let mut statements = Vec::new();
    while items.peek().is_some() {
        let mut values = shared.to_vec();
        values.extend(items.by_ref().take(limit));
        let list = placeholders(shared.len() + 1, values.len() - shared.len());
        let sql = format!("{head} IN ({list})");
        statements.push(numbered(backend, sql, values));
    }
    statements
}

/// `($1,$2),($3,$4)` and so on.
fn value_rows(first: usize, columns: usize, rows: usize) -> String {
    let mut list = String::new();
    for row in 0..rows {
        let separator = if row == 0 { "" } else { "," };
        let _ = write!(list, "{separator}({})", placeholders(first + row * columns, columns));
    }
    list
}

fn placeholders(first: usize, count: usize) -> String {
    let mut list = String::with_capacity(count * 4);
    for n in first..first + count {
        let _ = write!(list, "{}${n}", if n == first { "" } else { "," });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_one_statement() {
        let rows = [values!["a", 1i64], values!["b", 2i64]];
        let statements = insert_rows(DbBackend::Sqlite, "t (x, y)", "ON CONFLICT DO NOTHING", rows);
        assert_eq!(statements.len(), 1);
        assert_eq!(
            statements[0].sql,
            "INSERT INTO t (x, y) VALUES (?,?),(?,?) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn no_rows_become_no_statement() {
        assert!(insert_rows(DbBackend::Sqlite, "t (x)", "", []).is_empty());
        assert!(over_list(DbBackend::Sqlite, "DELETE FROM t WHERE x", &[], []).is_empty());
    }

    #[test]
    fn many_rows_are_spread_without_loss() {
        let rows = (0..2500i64).map(|n| values![n, n, n]);
        let statements = insert_rows(DbBackend::Postgres, "t (x, y, z)", "", rows);
        assert!(statements.len() > 1);
        let bound: Vec<Value> =
            statements.into_iter().filter_map(|statement| statement.values).flatten().collect();
        let all: Vec<Value> = (0..2500i64).flat_map(|n| values![n, n, n]).collect();
        assert_eq!(bound, all);
    }

    #[test]
    fn a_list_follows_what_is_shared() {
        let items = [Value::from(7i64), Value::from(8i64)];
        let statements = over_list(
            DbBackend::Postgres,
            "DELETE FROM t WHERE i = $1 AND x",
            &["i".into()],
            items,
        );
        assert_eq!(statements[0].sql, "DELETE FROM t WHERE i = $1 AND x IN ($2,$3)");
    }
}
