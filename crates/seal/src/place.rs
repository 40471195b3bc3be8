/// Where a sealed value lives; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    table: &'a str,
    column: &'a str,
    row: &'a [u8],
}

impl<'a> Place<'a> {
    /// Names a cell; `row` is whatever identifies the row for good, such as its primary key.
    pub fn new(table: &'a str, column: &'a str, row: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { table, column, row: row.as_ref() }
    }

    /// The associated data: `header` and the three names, each led by its length so that no two
    /// places read the same.
    pub(crate) fn bind(&self, header: &[u8]) -> Vec<u8> {
        let parts = [header, self.table.as_bytes(), self.column.as_bytes(), self.row];
        let mut bound = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bound.extend_from_slice(part);
        }
        bound
    }
}
