//! The log of the process: what may be in it, and how it is written.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::FilterFn,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::LogFormat;

/// Sets the log up; logs go to standard error, so that standard output carries answers alone.
pub(crate) fn set_up(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).context("WHARF_LOG cannot be used")?;
    tracing_subscriber::registry()
        .with(filter)
        .with(FilterFn::new(may_be_logged))
        .with(lines(format, io::stderr().is_terminal(), io::stderr))
        .try_init()
        .map_err(|e| anyhow::anyhow!(e))
}

/// Writes each event as a line.
fn lines<S, W>(format: LogFormat, colours: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(Masking(writer));
    match format {
        LogFormat::Text => lines.with_ansi(colours).boxed(),
        LogFormat::Json => {
            lines.with_ansi(false).json().flatten_event(true).with_span_list(false).boxed()
        }
    }
}

/// Whatever filter is set: the WhatsApp library writes pairing codes and phone numbers to its log below the level of
/// warnings, under these names, and in warnings the URLs of media with what opens them.
fn may_be_logged(event: &Metadata<'_>) -> bool {
    let of_the_library = ["Client", "Bot", "whatsapp_rust", "wacore"];
    let of_media = ["whatsapp_rust::download", "whatsapp_rust::upload"];
    let is_of = |names: &[&str]| names.iter().any(|name| event.target().starts_with(name));
    let most = if is_of(&of_media) {
        Level::ERROR
    } else if is_of(&of_the_library) {
        Level::WARN
    } else {
        Level::TRACE
    };
    *event.level() <= most
}

/// Masks what may be a phone number in lines before they are written: errors of libraries that we pass on may name one.
struct Masking<W>(W);

struct Masked<W> {
    inner: W,
    /// Whether the line is a library's own.
    foreign: bool,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Masking<W> {
    type Writer = Masked<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Masked { inner: self.0.make_writer(), foreign: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        let foreign = !event.target().starts_with("wharf");
        Masked { inner: self.0.make_writer_for(event), foreign }
    }
}

impl<W: Write> Write for Masked<W> {
    /// A line comes in one piece, so that no number is split.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.inner.write_all(&masked(line, self.foreign))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A line without what may be phone numbers: digits in front of an `@`, and in a library's line any seven digits or more.
fn masked(line: &[u8], foreign: bool) -> Vec<u8> {
    const LONGEST: usize = 6;
    /// No address has a longer part in front of its server.
    const USER: usize = 64;
    let mut masked = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.first() {
        if !first.is_ascii_digit() {
            masked.push(*first);
            rest = &rest[1..];
            continue;
        }
        let digits = run(rest, |byte| byte.is_ascii_digit());
        // Of an address: the device, an agent, or the moment an old group was made.
        let user = run(&rest[..rest.len().min(USER)], |byte| {
            byte.is_ascii_digit() || b".:_-".contains(&byte)
        });
        let is_address = rest.get(user) == Some(&b'@');
        let (taken, is_secret) =
            if is_address { (user, true) } else { (digits, foreign && digits > LONGEST) };
        if is_secret {
            masked.extend_from_slice(b"***");
        } else {
            masked.extend_from_slice(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    masked
}

/// How many bytes at the beginning are of a kind.
fn run(bytes: &[u8], is_of_kind: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_of_kind(*byte)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What the most talkative log there can be holds after something was logged.
    fn logged(format: LogFormat, act: impl FnOnce()) -> String {
        let written = Written::default();
        let log = tracing_subscriber::registry()
            .with(EnvFilter::new("trace"))
            .with(FilterFn::new(may_be_logged))
            .with(lines(format, false, written.clone()));
        tracing::subscriber::with_default(log, act);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_librarys_secrets_stay_out_of_the_most_talkative_log() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, || {
                tracing::info!(target: "Client/PairCode", "the code is ABCD-EFGH");
                tracing::debug!(target: "whatsapp_rust::pair", "5511999990001");
                tracing::warn!(target: "whatsapp_rust::client", "trouble");
                tracing::warn!(target: "whatsapp_rust::download", "https://mmg.whatsapp.net/?auth=a");
                tracing::info!(target: "wharf::gateway", "ours");
            });
            assert!(text.contains("trouble") && text.contains("ours"), "{text}");
            assert!(!text.contains("ABCD") && !text.contains("5511999990001"), "{text}");
            assert!(!text.contains("auth="), "{text}");
        }
    }

    #[test]
    fn numbers_of_people_are_masked_in_whatever_form_they_come() {
        let text = logged(LogFormat::Json, || {
            tracing::error!(target: "wacore::session", "no session with 5511999990001");
            tracing::error!(
                target: "wharf_whatsapp::session",
                problem = "no session with 5511999990001.0:12@s.whatsapp.net",
                "in group 5511999990001-1600000000@g.us"
            );
        });
        assert!(!text.contains("99999"), "{text}");
        assert!(text.contains("with ***@s.whatsapp.net"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn ids_times_and_counts_of_ours_are_left_alone() {
        for line in [
            "2026-11-21T17:30:20.123456Z instance=01234567-1234-7123-8123-123456789012 pause=1.5s",
            "wait until 1600000000000, 12345678 bytes",
            "mail@1.2.3.4:8080",
        ] {
            assert_eq!(masked(line.as_bytes(), false), line.as_bytes());
        }
    }

    #[test]
    fn a_json_line_has_the_fields_of_its_event_and_of_its_span() {
        let text = logged(LogFormat::Json, || {
            let span = tracing::info_span!("delivery", event = "e-1");
            span.in_scope(|| tracing::info!(target: "wharf::x", instance = "i-1", "tried"));
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "tried");
        assert_eq!(line["instance"], "i-1");
        assert_eq!(line["span"]["event"], "e-1");
        assert!(line["timestamp"].is_string(), "{line}");
    }
}
