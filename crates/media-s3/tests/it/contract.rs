//! Path style and the bucket in front of the host.

mod path {
    use std::sync::Arc;

    use wharf_media_s3::Config;
    use wharf_testkit::contract::media_store::Bucket;

    use crate::scene::{bucket, store};
    use crate::server::S3Server;

    wharf_testkit::media_store_contract!(async || {
        let server = S3Server::start().await;
        let config = bucket(&server.endpoint());
        Bucket { store: Arc::new(store(Config::default())), config }
    });
}

mod virtual_host {
    use std::sync::Arc;

    use wharf_media_s3::{Addressing, Config};
    use wharf_testkit::contract::media_store::Bucket;

    use crate::scene::{bucket, store};
    use crate::server::{DOMAIN, S3Server};

    wharf_testkit::media_store_contract!(async || {
        let server = S3Server::start().await;
        let config = bucket(&format!("http://{DOMAIN}:{}", server.address.port()));
        let in_host = Config { addressing: Addressing::VirtualHost, ..Config::default() };
        Bucket { store: Arc::new(store(in_host)), config }
    });
}
