//! Where in a bucket a piece of media goes.

use chrono::Datelike as _;
use sha2::{Digest as _, Sha256};
use wharf_domain::{instance::InstanceName, media::MediaJob, message::Media, s3::S3Config};

use crate::ids;

/// The type of what says nothing of itself.
pub(super) const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Endings by type.
const ENDINGS: &[(&str, &str)] = &[
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/zip", "zip"),
    ("audio/aac", "aac"),
    ("audio/amr", "amr"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("text/csv", "csv"),
    ("text/plain", "txt"),
    ("text/vcard", "vcf"),
    ("video/3gpp", "3gp"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
];

/// The key of a message's media: the same whenever it is asked for, and different for any other message.
pub(super) fn object_key(
    bucket: &S3Config,
    instance: &InstanceName,
    job: &MediaJob,
    media: &Media,
) -> String {
    let message = &job.message;
    let is_step = |part: &&str| !matches!(*part, "" | "." | "..");
    let mut steps: Vec<String> =
        bucket.path_prefix.split('/').map(str::trim).filter(is_step).map(str::to_owned).collect();
    steps.push(instance.as_str().to_owned());
    steps.push(format!("{:04}", job.recorded_at.year()));
    steps.push(format!("{:02}", job.recorded_at.month()));
    // Ids are unique within a chat and sender only, and chosen by strangers.
    let id: String = message.id.as_str().chars().map(plain).collect();
    let whose = format!("{}|{}", message.chat.party.jid, message.sender.jid);
    let print = ids::hex(&Sha256::digest(whose)[..4]);
    steps.push(format!("{id}-{print}.{}", ending(media)));
    steps.join("/")
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }
}

/// The ending that goes with a type, else the one of the file's own name.
fn ending(media: &Media) -> String {
    if let Some(ending) = media.mime_type.as_deref().and_then(ending_of) {
        return ending.to_owned();
    }
    let own = media.file_name.as_deref().and_then(|name| name.rsplit_once('.'));
    let fits = |ending: &&str| {
        (1..=8).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    own.map(|(_, ending)| ending)
        .filter(fits)
        .map_or_else(|| "bin".to_owned(), str::to_ascii_lowercase)
}

/// The ending that goes with a type.
pub(crate) fn ending_of(mime_type: &str) -> Option<&'static str> {
    let essence = mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ENDINGS.iter().find(|(known, _)| *known == essence).map(|(_, ending)| *ending)
}

#[cfg(test)]
mod tests {
    use wharf_domain::{
        event::EventId,
        instance::InstanceId,
        message::{Content, MediaKind, MessageId},
    };
    use wharf_testkit::build;

    use super::*;

    fn key(prefix: &str, id: &str, mime_type: Option<&str>, file_name: Option<&str>) -> String {
        let bucket = S3Config::parse("", "media", "key", "secret", None, "").unwrap();
        // Of before parts of dots were refused.
        let bucket = S3Config { path_prefix: prefix.to_owned(), ..bucket };
        let media = Media {
            kind: MediaKind::Document,
            url: None,
            mime_type: mime_type.map(str::to_owned),
            file_name: file_name.map(str::to_owned),
            caption: None,
            size: None,
            duration: None,
        };
        let mut message = build::incoming(&build::phone("5511999990002"), "");
        message.id = MessageId::parse(id).unwrap();
        message.content = Content::Media(media.clone());
        let job = MediaJob {
            event: EventId(build::uuid()),
            instance: InstanceId(build::uuid()),
            message,
            raw: bytes::Bytes::new(),
            attempts: 0,
            recorded_at: build::moment(0),
        };
        object_key(&bucket, &InstanceName::parse("sales").unwrap(), &job, &media)
    }

    #[test]
    fn a_key_says_whose_when_and_which() {
        let key = key("media/acme", "3EB0AA", Some("image/jpeg; q=1"), None);
        assert!(key.starts_with("media/acme/sales/2026/01/3EB0AA-"), "{key}");
        assert_eq!(key.rsplit_once('.').unwrap().1, "jpg", "{key}");
    }

    #[test]
    fn nothing_leads_out_of_the_prefix_and_slashes_are_single() {
        for prefix in ["", "/", "//a///b/", "../../a/b", "./a/b"] {
            let key = key(prefix, "../x/y", None, Some("report.X/Y"));
            assert!(!key.contains("//") && !key.contains("..") && !key.starts_with('/'), "{key}");
            assert_eq!(key.rsplit_once('.').unwrap().1, "bin", "{key}");
        }
    }

    #[test]
    fn an_unknown_type_keeps_the_ending_of_the_file() {
        for (name, expected) in [("a.b.TAR", "tar"), ("nothing", "bin"), ("a.very-long-one", "bin")]
        {
            let key = key("", "A", Some("application/x-odd"), Some(name));
            assert_eq!(key.rsplit_once('.').unwrap().1, expected, "{name}");
        }
    }
}
