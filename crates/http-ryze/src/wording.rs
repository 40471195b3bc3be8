//! The sentences callers read when a use case fails, by what was being done.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use wharf_domain::{Error, Resource};

use crate::error::Operation;

type Answer = (StatusCode, Cow<'static, str>);

/// A field that has to be there and is not.
pub(crate) fn missing(field: &str) -> Cow<'static, str> {
    match field {
        "number" => "Number is required".into(),
        "message" => "Message is required".into(),
        "mediaType" | "imageUrl" => format!("{field} is required").into(),
        "mediaUrl" => "mediaUrl or mediaBase64 is required".into(),
        field => format!("The '{field}' field is required").into(),
    }
}

/// What a failure means for the caller.
pub(crate) fn failure(operation: Operation, error: &Error) -> Answer {
    match error {
        Error::NotFound(Resource::Message | Resource::Media)
            if operation == Operation::GetMedia =>
        {
            (StatusCode::NOT_FOUND, "Message not found or no media available".into())
        }
        Error::NotFound(resource) => (StatusCode::NOT_FOUND, not_found(*resource).into()),
        Error::WrongInstance => {
            (StatusCode::FORBIDDEN, "Instance token does not match the requested instance".into())
        }
        Error::AlreadyExists(_) => {
            (StatusCode::CONFLICT, "Instance or token already exists".into())
        }
        Error::Invalid { field, reason } => {
            (StatusCode::BAD_REQUEST, invalid(operation, field, reason))
        }
        Error::QuotaExceeded => (StatusCode::FORBIDDEN, "Account instance quota exceeded".into()),
        Error::TooManyWebhooks(most) => (
            StatusCode::CONFLICT,
            format!("Maximum of {most} enabled webhooks reached for this instance").into(),
        ),
        Error::IdempotencyMismatch => (
            StatusCode::CONFLICT,
            "Idempotency-Key was already used for a different request".into(),
        ),
        Error::NotConnected | Error::NotAcknowledged | Error::Refused { .. }
            if matches!(
                operation,
                Operation::LogOut | Operation::DeleteInstance | Operation::Reconnect
            ) =>
        {
            (StatusCode::INTERNAL_SERVER_ERROR, broken(operation, error))
        }
        Error::NotConnected if operation == Operation::GetMedia => {
            (StatusCode::SERVICE_UNAVAILABLE, "Instance is not connected to WhatsApp".into())
        }
        Error::NotConnected => {
            (StatusCode::BAD_REQUEST, "Instance is not connected to WhatsApp".into())
        }
        Error::NoSavedSession => {
            (StatusCode::BAD_REQUEST, "Instance has no saved session, call /connect first".into())
        }
        Error::NotRegistered(number) => (
            StatusCode::BAD_REQUEST,
            format!("Number {number} is not registered on WhatsApp").into(),
        ),
        Error::Refused { code } => refused(operation, *code),
        Error::NotAcknowledged if operation == Operation::SendMessage => {
            (StatusCode::GATEWAY_TIMEOUT, "WhatsApp did not acknowledge the message".into())
        }
        Error::NotAcknowledged if operation == Operation::GetMedia => {
            (StatusCode::GATEWAY_TIMEOUT, "The media could not be fetched in time".into())
        }
        error => (StatusCode::INTERNAL_SERVER_ERROR, broken(operation, error)),
    }
}

fn not_found(resource: Resource) -> &'static str {
    match resource {
        Resource::Instance => "Instance not found",
        Resource::Webhook => "Webhook not found",
        Resource::Message => "Message not found",
        _ => "Not found",
    }
}

fn invalid(operation: Operation, field: &str, reason: &str) -> Cow<'static, str> {
    match (operation, field) {
        (Operation::ReplayEvents, field) => format!("Invalid {field}: {reason}").into(),
        // The reason is a whole sentence: it names the event and the ones that exist.
        (_, "events") => reason.to_owned().into(),
        (Operation::SetProxy, field) => {
            format!("Invalid proxy: {} {reason}", unprefixed(field, "proxy")).into()
        }
        (Operation::SetS3, field) => {
            format!("Invalid S3 configuration: {} {reason}", unprefixed(field, "s3")).into()
        }
        (Operation::SetSettings, "settings") => "At least one setting must be provided".into(),
        (Operation::GetMedia, "media") => format!("The media {reason}").into(),
        // "Invalid token" would read like a refusal of the caller's own.
        (Operation::CreateInstance, "token") => format!("The 'token' field {reason}").into(),
        (Operation::SetWebhook, field) => format!("Invalid webhook {field}: {reason}").into(),
        (_, field) => format!("Invalid {field}: {reason}").into(),
    }
}

/// The name a field of a block has on the route that is all about the block: `proxyHost` is `host` there.
fn unprefixed(field: &str, prefix: &str) -> String {
    let short = field.strip_prefix(prefix).unwrap_or(field);
    let mut letters = short.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

// 463 and 429 are WhatsApp's ways of saying "not so fast"; everything else is a failure.
fn refused(operation: Operation, code: u16) -> Answer {
    let status = match code {
        429 | 463 => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let sentence = match operation {
        Operation::SendMessage => format!("WhatsApp refused the message ({code})"),
        Operation::Connect => format!("Failed to connect: WhatsApp refused ({code})"),
        _ => format!("WhatsApp refused ({code})"),
    };
    (status, sentence.into())
}

/// Why there is no code to type for a phone.
pub(crate) fn no_pairing_code(code: Option<u16>, reason: &str) -> String {
    match code {
        Some(code @ 429) => format!(
            "WhatsApp gives no more pairing codes for now ({code}). Scan the QR code, or try again later."
        ),
        Some(code) => format!(
            "WhatsApp gave no pairing code ({code}). Check the number, or scan the QR code."
        ),
        None => format!("There is no pairing code: {reason}"),
    }
}

/// A failure that is not the caller's. Reasons are given where the contract gives them.
fn broken(operation: Operation, error: &Error) -> Cow<'static, str> {
    let reason = match error {
        Error::ConnectFailed(reason) => reason.clone(),
        error => error.to_string(),
    };
    match operation {
        Operation::Identify => "Internal server error".into(),
        Operation::CreateInstance => "Failed to create instance".into(),
        Operation::ListInstances => "Failed to list instances".into(),
        Operation::FindInstance => "Failed to get instance".into(),
        Operation::Connect => format!("Failed to connect: {reason}").into(),
        Operation::CancelConnect => {
            format!("Failed to cancel the connection attempt: {reason}").into()
        }
        Operation::LinkPage => "Failed to create link".into(),
        Operation::Reconnect => format!("Failed to reconnect: {reason}").into(),
        Operation::LogOut => "Failed to logout instance".into(),
        Operation::DeleteInstance => format!("Failed to delete instance: {reason}").into(),
        Operation::GetSettings => "Failed to get settings configuration".into(),
        Operation::SetSettings => "Failed to update settings configuration".into(),
        Operation::GetProxy => "Failed to get proxy configuration".into(),
        Operation::SetProxy => "Failed to update proxy configuration".into(),
        Operation::GetS3 => "Failed to get S3 configuration".into(),
        Operation::SetS3 => "Failed to update S3 configuration".into(),
        Operation::GetMetrics => "Failed to get metrics".into(),
        Operation::SendMessage => "Failed to send message".into(),
        Operation::GetMedia => "Failed to get media".into(),
        Operation::SetWebhook => "Failed to update webhook configuration".into(),
        Operation::GetWebhook => "Failed to get webhook configuration".into(),
        Operation::DeleteWebhook => "Failed to delete webhook".into(),
        Operation::SetWebSocket => "Failed to update websocket configuration".into(),
        Operation::GetWebSocket => "Failed to get websocket configuration".into(),
        Operation::ListDeliveries => "Failed to list deliveries".into(),
        Operation::DropDeliveries => "Failed to drop deliveries".into(),
        Operation::ReplayEvents => "Failed to replay events".into(),
        Operation::TestWebhook => "Failed to test webhook".into(),
        Operation::ReadLog => "Failed to read the event log".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(operation: Operation, error: &Error) -> (u16, String) {
        let (status, sentence) = failure(operation, error);
        (status.as_u16(), sentence.into_owned())
    }

    #[test]
    fn whatsapps_refusals_keep_their_code() {
        let send = |code| answer(Operation::SendMessage, &Error::Refused { code });
        assert_eq!(send(463), (429, "WhatsApp refused the message (463)".to_owned()));
        assert_eq!(send(429), (429, "WhatsApp refused the message (429)".to_owned()));
        assert_eq!(send(479), (500, "WhatsApp refused the message (479)".to_owned()));
    }

    #[test]
    fn a_failure_of_ours_is_worded_by_what_was_being_done() {
        let down = || Error::unavailable("database", "it is down");
        assert_eq!(
            answer(Operation::CreateInstance, &down()),
            (500, "Failed to create instance".to_owned())
        );
        assert_eq!(
            answer(Operation::DeleteInstance, &down()),
            (500, "Failed to delete instance: database failed".to_owned())
        );
        assert_eq!(
            answer(Operation::Connect, &Error::ConnectFailed("proxy refused".to_owned())),
            (500, "Failed to connect: proxy refused".to_owned())
        );
    }

    #[test]
    fn a_refused_field_is_named_as_the_module_names_it() {
        let invalid = |operation, field| answer(operation, &Error::invalid(field, "why")).1;
        assert_eq!(invalid(Operation::SetWebhook, "url"), "Invalid webhook url: why");
        assert_eq!(invalid(Operation::SetWebhook, "events"), "why");
        assert_eq!(invalid(Operation::SendMessage, "delay"), "Invalid delay: why");
        assert_eq!(invalid(Operation::SetProxy, "proxyPort"), "Invalid proxy: port why");
        assert_eq!(
            invalid(Operation::SetS3, "s3SecretKey"),
            "Invalid S3 configuration: secretKey why"
        );
        assert_eq!(missing("name"), "The 'name' field is required");
    }
}
