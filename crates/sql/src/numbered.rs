use sea_orm::{DbBackend, Statement, Value};

/// A statement that names its values as `$1`, `$2`. Both databases read that, but SQLite goes through all values of a statement
/// to find the name of one, which is half the work for one with hundreds: where they are named in their order, each once, it
/// is given them without names.
#[must_use]
pub fn numbered(backend: DbBackend, sql: impl Into<String>, values: Vec<Value>) -> Statement {
    let sql = sql.into();
    let nameless = (backend == DbBackend::Sqlite).then(|| without_numbers(&sql)).flatten();
    Statement::from_sql_and_values(backend, nameless.unwrap_or(sql), values)
}

/// `?` for each of `$1`, `$2` and so on; `None` when they are not in order.
fn without_numbers(sql: &str) -> Option<String> {
    let mut parts = sql.split('$');
    let mut nameless = String::with_capacity(sql.len());
    nameless.push_str(parts.next()?);
    for (index, part) in parts.enumerate() {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(rest)?;
        if number.parse() != Ok(index + 1) {
            return None;
        }
        nameless.push('?');
        nameless.push_str(rest);
    }
    Some(nameless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(backend: DbBackend, sql: &str) -> String {
        numbered(backend, sql, vec![1.into(), 2.into()]).sql
    }

    #[test]
    fn numbers_in_order_are_left_out_on_sqlite_alone() {
        let sql = "UPDATE t SET a = $1 WHERE b IN ($2,$3,$4,$5,$6,$7,$8,$9,$10) LIMIT $11";
        let nameless = "UPDATE t SET a = ? WHERE b IN (?,?,?,?,?,?,?,?,?) LIMIT ?";
        assert_eq!(on(DbBackend::Sqlite, sql), nameless);
        assert_eq!(on(DbBackend::Postgres, sql), sql);
        assert_eq!(on(DbBackend::Sqlite, "SELECT 1"), "SELECT 1");
    }

    #[test]
    fn numbers_that_say_something_stay() {
        for sql in ["SELECT $2, $1", "SELECT $1, $1", "SELECT $1 WHERE $2 AND $1", "SELECT $"] {
            assert_eq!(on(DbBackend::Sqlite, sql), sql);
        }
    }
}
