#![doc = include_str!("../README.md")]

use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod m20261121_000001_core;
mod m20261121_000002_whatsapp_store;
mod m20261121_000003_media_and_pages;
mod m20261121_000004_deliveries;
mod m20261121_000005_claims;
mod m20261122_000006_states;

/// All steps, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_core::Migration),
            Box::new(m20261121_000002_whatsapp_store::Migration),
            Box::new(m20261121_000003_media_and_pages::Migration),
            Box::new(m20261121_000004_deliveries::Migration),
            Box::new(m20261121_000005_claims::Migration),
            Box::new(m20261122_000006_states::Migration),
        ]
    }
}
