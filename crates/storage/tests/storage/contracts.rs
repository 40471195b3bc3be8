mod on_sqlite {
    use crate::home::sqlite;

    wharf_testkit::account_store_contract!(sqlite);
    wharf_testkit::instance_store_contract!(sqlite);
    wharf_testkit::webhook_store_contract!(sqlite);
    wharf_testkit::message_store_contract!(sqlite);
    wharf_testkit::message_history_contract!(sqlite);
    wharf_testkit::event_log_contract!(sqlite);
    wharf_testkit::event_reading_contract!(sqlite);
    wharf_testkit::event_retention_contract!(sqlite);
    wharf_testkit::delivery_queue_contract!(sqlite);
    wharf_testkit::delivery_ledger_contract!(sqlite);
    wharf_testkit::media_jobs_contract!(sqlite);
    wharf_testkit::media_shares_contract!(sqlite);
    wharf_testkit::page_access_contract!(sqlite);
}

mod on_postgres {
    use crate::home::postgres;

    wharf_testkit::account_store_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::instance_store_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::webhook_store_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::message_store_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::message_history_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::event_log_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::event_reading_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::event_retention_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::delivery_queue_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::delivery_ledger_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::media_jobs_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::media_shares_contract!(postgres, #[ignore = "needs PostgreSQL"]);
    wharf_testkit::page_access_contract!(postgres, #[ignore = "needs PostgreSQL"]);
}
