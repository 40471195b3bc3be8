use url::Url;
use wharf_domain::webhook::WebhookTarget;

/// Where an event of that name is posted to: the configured URL, with the event's name as a last
/// segment of the path where the target wants it.
pub(crate) fn url(target: &WebhookTarget, event: &str) -> Url {
    let mut url = target.url.as_url().clone();
    if target.by_events
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.pop_if_empty().push(event);
    }
    url
}

#[cfg(test)]
mod tests {
    use wharf_domain::event::EventFilter;
    use wharf_domain::webhook::WebhookUrl;

    use super::*;

    fn posted_to(configured: &str, by_events: bool) -> String {
        let target = WebhookTarget {
            url: WebhookUrl::parse(configured).unwrap(),
            authorization: None,
            secret: None,
            previous_secret: None,
            by_events,
            events: EventFilter::default(),
            media_base64: false,
        };
        url(&target, "message.exchange").into()
    }

    #[test]
    fn the_url_stays_as_it_is_unless_events_are_told_apart_by_it() {
        let configured = "https://app.example.com/a%20b/?key=%2F#part";
        assert_eq!(posted_to(configured, false), configured);
    }

    #[test]
    fn the_events_name_becomes_the_last_segment_of_the_path() {
        for (configured, expected) in [
            ("https://app.example.com/wh", "https://app.example.com/wh/message.exchange"),
            ("https://app.example.com/wh/", "https://app.example.com/wh/message.exchange"),
            ("https://app.example.com", "https://app.example.com/message.exchange"),
            (
                "https://app.example.com/a%2Fb?k=v",
                "https://app.example.com/a%2Fb/message.exchange?k=v",
            ),
        ] {
            assert_eq!(posted_to(configured, true), expected);
        }
    }
}
