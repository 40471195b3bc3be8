//! What a fetched file is called.

use percent_encoding::percent_decode_str;
use url::Url;

/// What file systems commonly allow.
const LONGEST: usize = 255;

/// The name in a `Content-Disposition` (RFC 6266), or else the last segment of the path.
pub(crate) fn of(disposition: Option<&[u8]>, url: &Url) -> Option<String> {
    let header = disposition.map(String::from_utf8_lossy);
    header.and_then(|header| in_header(&header)).or_else(|| {
        let segment = url.path_segments()?.next_back()?;
        clean(&percent_decode_str(segment).decode_utf8_lossy())
    })
}

fn in_header(header: &str) -> Option<String> {
    let parameters = parameters(header);
    let named = |wanted: &str| {
        let mut found = parameters.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value.as_str())
    };
    let extended = named("filename*").and_then(|value| {
        // The language between the quotes means nothing for a name.
        let (charset, rest) = value.split_once('\'')?;
        let (_, encoded) = rest.split_once('\'')?;
        charset
            .eq_ignore_ascii_case("utf-8")
            .then(|| percent_decode_str(encoded).decode_utf8_lossy())
    });
    extended.and_then(|name| clean(&name)).or_else(|| clean(named("filename")?))
}

/// The `name=value` pairs after the first semicolon, with quotes and escapes undone.
fn parameters(header: &str) -> Vec<(String, String)> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut is_quoted = false;
    let mut characters = header.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => part.extend(characters.next()),
            ';' if !is_quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(character),
        }
    }
    parts.push(part);
    let pairs = parts.iter().skip(1).filter_map(|part| part.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// The name without folders and without what no name has; `None` when nothing is left.
fn clean(raw: &str) -> Option<String> {
    let name = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    let name = name.trim_matches(|character: char| character == '.' || character.is_whitespace());
    let name = &name[..name.floor_char_boundary(LONGEST)];
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(disposition: &str, url: &str) -> Option<String> {
        let disposition = Some(disposition.as_bytes()).filter(|text| !text.is_empty());
        of(disposition, &url.parse().unwrap())
    }

    #[test]
    fn the_header_counts_before_the_path() {
        for (header, expected) in [
            ("attachment; filename=\"a b; c.pdf\"", "a b; c.pdf"),
            ("attachment; filename=plain.pdf", "plain.pdf"),
            ("ATTACHMENT; FILENAME=loud.pdf", "loud.pdf"),
            ("attachment; filename=\"a \\\"b\\\".pdf\"", "a \"b\".pdf"),
            ("attachment; filename=x; filename*=UTF-8''%E2%82%AC%20rates.pdf", "€ rates.pdf"),
            ("attachment; filename=x.pdf; filename*=latin'%E4", "x.pdf"),
            ("inline; filename=\"übersicht.pdf\"", "übersicht.pdf"),
            ("inline", "path.bin"),
            ("", "path.bin"),
        ] {
            let found = name(header, "https://x.test/a/path.bin?q=1");
            assert_eq!(found.as_deref(), Some(expected), "{header}");
        }
    }

    #[test]
    fn the_path_gives_its_last_segment() {
        let found = |url| name("", url);
        assert_eq!(
            found("https://x.test/a/B%C3%BCro%20plan.pdf"),
            Some("Büro plan.pdf".to_owned())
        );
        assert_eq!(found("https://x.test/a/"), None);
        assert_eq!(found("https://x.test"), None);
    }

    #[test]
    fn a_name_leads_nowhere() {
        for (raw, expected) in [
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Windows\\evil.exe", Some("evil.exe")),
            ("a\r\nb\0c.txt", Some("abc.txt")),
            (" .hidden. ", Some("hidden")),
            ("..", None),
            ("folder/", None),
        ] {
            assert_eq!(clean(raw).as_deref(), expected, "{raw}");
        }
        let long = clean(&"ü".repeat(300)).unwrap();
        assert_eq!(long, "ü".repeat(127));
        assert_eq!(name("", "https://x.test/%2e%2e%2fpasswd"), Some("passwd".to_owned()));
    }
}
