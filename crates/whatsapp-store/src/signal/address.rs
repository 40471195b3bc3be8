//! Which Signal addresses there are, without asking the database each time.

use crate::SqlBackend;
use crate::error::Result;
use crate::known_addresses::Kind;
use crate::statement::values;

/// The user of a Signal address: `user@server` for its first device, `user:device@server` for others.
pub(super) fn user_part(address: &str) -> &str {
    address.split(['@', ':']).next().unwrap_or(address)
}

impl SqlBackend {
    pub(super) fn is_ruled_out(&self, kind: Kind, address: &str) -> bool {
        self.addresses.rule_out(kind, address)
    }

    /// To be called when a look-up found nothing: where there is one such, hundreds may follow.
    pub(super) async fn learn_addresses(&self) -> Result<()> {
        if !self.addresses.is_wanting() {
            return Ok(());
        }
        let rows = self
            .query_all(
                "SELECT 'i' AS kind, address FROM wa_identity WHERE instance_id = $1
                 UNION ALL
                 SELECT 's' AS kind, address FROM wa_session WHERE instance_id = $1",
                values![self.instance],
            )
            .await?;
        let mut addresses = Vec::with_capacity(rows.len());
        for row in &rows {
            let kind = match row.try_get_by_index::<String>(0)?.as_str() {
                "i" => Kind::Identity,
                _ => Kind::Session,
            };
            addresses.push((kind, row.try_get_by_index::<String>(1)?));
        }
        self.addresses.complete(addresses.iter().map(|(kind, address)| (*kind, address.as_str())));
        Ok(())
    }

    pub(crate) async fn find_user(&self, user: &str) -> Result<bool> {
        let found = self
            .query_one(
                "SELECT 1 AS found FROM wa_session WHERE instance_id = $1 AND user_part = $2
                 UNION ALL
                 SELECT 1 FROM wa_identity WHERE instance_id = $1 AND user_part = $2
                 LIMIT 1",
                values![self.instance, user],
            )
            .await?;
        Ok(found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::user_part;

    #[test]
    fn the_user_part_ends_where_the_device_or_the_server_begins() {
        for address in ["5511999990001@c.us", "5511999990001:7@c.us", "5511999990001"] {
            assert_eq!(user_part(address), "5511999990001");
        }
    }
}
