//! Statements as text with numbered values. Both databases read `$1`, so one text serves both.

use sea_orm::{DbBackend, ExecResult, QueryResult, Statement, Value};
use uuid::Uuid;
use wharf_sql::{kept_length, numbered, rows_per_statement};

use crate::error::Result;

/// Bound values from whatever converts into one.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::Value::from($value)),*] };
}
pub(crate) use values;

/// A statement under construction.
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// Begins with `text`, which may name `values` by number.
    pub(crate) fn new(text: &str, values: Vec<Value>) -> Self {
        Self { text: text.to_owned(), values }
    }

    pub(crate) fn push(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds `$4`.
    pub(crate) fn value(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Adds `$4,$5,$6`.
    pub(crate) fn each(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self = self.value(value);
        }
        self
    }

    /// Adds `($4,$5,$6)`.
    pub(crate) fn list(self, values: impl IntoIterator<Item = Value>) -> Self {
        self.push("(").each(values).push(")")
    }

    /// Adds a list of ids. The last of them is repeated, so that there are few lengths and few statements to be kept
    /// prepared.
    pub(crate) fn ids(self, ids: &[Uuid]) -> Self {
        let last = ids.last().copied();
        let length = kept_length(ids.len());
        self.list(ids.iter().copied().chain(last.into_iter().cycle()).take(length).map(Into::into))
    }

    /// Adds `($4,$5),($6,$7)`.
    pub(crate) fn rows(mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        for (index, row) in rows.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self = self.list(row);
        }
        self
    }

    /// The same with the last row repeated, as in [`ids`](Self::ids), for statements to which a repeated row is nothing new.
    pub(crate) fn padded_rows(self, rows: impl ExactSizeIterator<Item = Vec<Value>>) -> Self {
        let length = kept_length(rows.len());
        let mut rows: Vec<_> = rows.collect();
        if let Some(last) = rows.last().cloned() {
            rows.resize(length, last);
        }
        self.rows(rows)
    }

    pub(crate) fn on(self, backend: DbBackend) -> Statement {
        numbered(backend, self.text, self.values)
    }
}

/// Cuts what is too much for one statement of so many values an item.
pub(crate) fn batches<T>(
    backend: DbBackend,
    columns: usize,
    items: &[T],
) -> impl Iterator<Item = &[T]> {
    items.chunks(rows_per_statement(backend, columns))
}

/// Statements that insert rows, of few different lengths, so that they are kept prepared. What an inserted row conflicts with
/// is its own matter: `conflict` must allow for a row that is repeated, which is done on SQLite alone.
pub(crate) fn inserts(
    backend: DbBackend,
    insert_into: &str,
    conflict: &str,
    rows: &[Vec<Value>],
) -> Vec<Statement> {
    let columns = rows.first().map_or(1, Vec::len);
    let statement = |rows: &[Vec<Value>]| {
        let sql = Sql::new(insert_into, vec![]).push(" VALUES ");
        sql.padded_rows(rows.iter().cloned()).push(" ").push(conflict).on(backend)
    };
    match backend {
        DbBackend::Sqlite => batches(backend, columns, rows).map(statement).collect(),
        _ => few_lengths(backend, columns, rows).map(statement).collect(),
    }
}

/// Cuts items into few different lengths, so that there are few statements to be kept prepared where a repeated item would
/// not do.
pub(crate) fn few_lengths<T>(
    backend: DbBackend,
    columns: usize,
    items: &[T],
) -> impl Iterator<Item = &[T]> {
    let most = rows_per_statement(backend, columns).max(1);
    let mut rest = items;
    std::iter::from_fn(move || {
        let longest = 1 << rest.len().min(most).checked_ilog2()?;
        let (next, others) = rest.split_at(longest);
        rest = others;
        Some(next)
    })
}

/// Cuts what are too many ids for one statement. They cost little each, and whole batches of deliveries are settled at once.
pub(crate) fn id_batches(ids: &[Uuid]) -> impl Iterator<Item = &[Uuid]> {
    ids.chunks(256)
}

/// Runs statements; errors stay the database's own where constraints give them a meaning.
pub(crate) trait Run: sea_orm::ConnectionTrait {
    async fn run(&self, text: &str, values: Vec<Value>) -> Result<ExecResult, sea_orm::DbErr> {
        let statement = Sql::new(text, values).on(self.get_database_backend());
        self.execute_raw(statement).await
    }

    async fn one(&self, text: &str, values: Vec<Value>) -> Result<Option<QueryResult>> {
        let statement = Sql::new(text, values).on(self.get_database_backend());
        Ok(self.query_one_raw(statement).await?)
    }

    async fn all(&self, text: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
        let statement = Sql::new(text, values).on(self.get_database_backend());
        Ok(self.query_all_raw(statement).await?)
    }
}

impl<C: sea_orm::ConnectionTrait> Run for C {}
