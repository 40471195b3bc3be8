//! The configuration, as an operator is shown it.

use std::{fmt, time::Duration};

use wharf_media_s3::{Addressing, Urls};
use wharf_net::Egress;

use super::{Config, Deliveries, Keep, LogFormat, values::without_password};

/// The effective configuration with secrets masked, one setting a line.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |set: bool| if set { "(set)" } else { "(not set)" };
        let networks: Vec<_> = self.trusted_proxies.iter().map(ToString::to_string).collect();
        writeln!(f, "listen = {}", self.listen)?;
        writeln!(f, "data_dir = {}", self.data_dir.display())?;
        writeln!(f, "database_url = {}", without_password(self.database_url.expose()))?;
        writeln!(f, "encryption_key = {}", masked(self.encryption_key.is_some()))?;
        writeln!(f, "account_token = {}", masked(self.account_token.is_some()))?;
        writeln!(f, "account_quota = {}", unlimited(self.account_quota))?;
        writeln!(f, "base_url = {}", self.public_url(self.listen))?;
        writeln!(f, "rate_limit = {}", unlimited(self.rate_limit))?;
        writeln!(f, "rate_limit_create = {}", unlimited(self.rate_limit_create))?;
        writeln!(f, "trusted_proxies = {}", networks.join(","))?;
        writeln!(f, "max_body = {}", self.max_body)?;
        writeln!(f, "media_max = {}", self.media_max)?;
        writeln!(f, "media_base64_max = {}", self.media_base64_max)?;
        let urls = match self.s3.urls {
            Urls::Presigned => "presigned",
            Urls::Plain => "plain",
        };
        writeln!(f, "s3_urls = {urls}")?;
        let addressing = match self.s3.addressing {
            Addressing::Path => "path",
            Addressing::VirtualHost => "virtual-host",
        };
        writeln!(f, "s3_addressing = {addressing}")?;
        writeln!(f, "proxy_url = {}", masked(self.proxy.is_some()))?;
        self.deliveries.show(f)?;
        self.keep.show(f)?;
        let ca = self.extra_ca_file.as_ref().map(|file| file.display().to_string());
        writeln!(f, "extra_ca_file = {}", ca.unwrap_or_default())?;
        let egress = match self.egress {
            Egress::Open => "open",
            Egress::PublicOnly => "public-only",
        };
        writeln!(f, "egress = {egress}")?;
        writeln!(f, "device_name = {}", self.device_name)?;
        writeln!(f, "log = {}", self.log)?;
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        writeln!(f, "log_format = {format}")?;
        let listen = self.metrics_listen.map(|listen| listen.to_string());
        writeln!(f, "metrics_listen = {}", listen.unwrap_or_default())?;
        writeln!(f, "metrics_token = {}", masked(self.metrics_token.is_some()))?;
        writeln!(f, "shutdown_timeout = {}", time(self.shutdown_timeout))
    }
}

impl Deliveries {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "webhook_connect_timeout = {}", time(self.connect_timeout))?;
        writeln!(f, "webhook_timeout = {}", time(self.timeout))?;
        writeln!(f, "webhook_first_retry = {}", time(self.first_retry))?;
        writeln!(f, "webhook_longest_retry = {}", time(self.longest_retry))?;
        writeln!(f, "webhook_give_up_after = {}", time(self.give_up_after))?;
        writeln!(f, "webhook_max_attempts = {}", unlimited(self.max_attempts))?;
        writeln!(f, "webhook_concurrency = {}", self.concurrency)
    }
}

impl Keep {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "message_retention = {}", unlimited(self.messages.map(time)))?;
        writeln!(f, "event_retention = {}", unlimited(self.events.map(time)))?;
        writeln!(f, "event_max_size = {}", unlimited(self.events_bytes))?;
        writeln!(f, "dead_letter_retention = {}", unlimited(self.dead.map(time)))?;
        writeln!(f, "dead_letter_max_size = {}", unlimited(self.dead_bytes))
    }
}

fn time(time: Duration) -> impl fmt::Display {
    humantime::format_duration(time)
}

fn unlimited(limit: Option<impl fmt::Display>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}
