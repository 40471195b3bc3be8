use async_trait::async_trait;
use wacore::stats::StorageResourceReport;
use wacore::store::Device;
use wacore::store::error::Result;
use wacore::store::traits::DeviceStore;
use zeroize::Zeroizing;

use crate::SqlBackend;
use crate::error::Error;
use crate::sealing::DEVICE;
use crate::statement::values;

/// An instance is one device, so there is nothing to tell apart.
const DEVICE_ID: i32 = 1;

#[async_trait]
impl DeviceStore for SqlBackend {
    async fn save(&self, device: &Device) -> Result<()> {
        self.put_device(device, "DO UPDATE SET jid = excluded.jid, device = excluded.device").await
    }

    async fn load(&self) -> Result<Option<Device>> {
        let stored = self
            .query_sealed(
                &DEVICE,
                &[],
                "SELECT device FROM wa_device WHERE instance_id = $1",
                values![self.instance],
            )
            .await?;
        let Some(stored) = stored.map(Zeroizing::new) else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&stored).map_err(Error::from)?))
    }

    async fn exists(&self) -> Result<bool> {
        let row = self
            .query_one("SELECT 1 FROM wa_device WHERE instance_id = $1", values![self.instance])
            .await?;
        Ok(row.is_some())
    }

    async fn create(&self) -> Result<i32> {
        self.put_device(&Device::new(), "DO NOTHING").await?;
        Ok(DEVICE_ID)
    }

    async fn resource_report(&self) -> StorageResourceReport {
        let held = self.addresses.size() + self.tc_tokens.size();
        StorageResourceReport {
            memory_bytes: u64::try_from(held).ok(),
            ..StorageResourceReport::default()
        }
    }
}

impl SqlBackend {
    async fn put_device(&self, device: &Device, conflict: &str) -> Result<()> {
        let plain = Zeroizing::new(serde_json::to_vec(device).map_err(Error::from)?);
        let sealed = self.seal(&DEVICE, &[], &plain)?;
        let jid = device.pn.as_ref().map(ToString::to_string);
        self.write_one(
            &format!(
                "INSERT INTO wa_device (instance_id, jid, device) VALUES ($1, $2, $3)
                 ON CONFLICT (instance_id) {conflict}"
            ),
            values![self.instance, jid, sealed],
        )
        .await?;
        Ok(())
    }
}
