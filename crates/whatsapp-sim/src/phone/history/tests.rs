use super::*;

const NOW: u64 = 100 * DAY;
const EVERYTHING: Wanted = Wanted { full: false, days: None };

/// A message of every number in turn, one an hour, the oldest first.
fn history(messages: u64, numbers: &[&str]) -> History {
    let mut history = History::default();
    let turns = (0..messages).zip(numbers.iter().cycle());
    history.add(turns.map(|(at, number)| {
        let text = format!("text {at}");
        let at = NOW - (messages - at) * 60 * 60;
        let message = PastMessage { with: (*number).to_owned(), text, from_me: false, at };
        (format!("ID{at}"), message)
    }));
    history
}

fn known(number: &str) -> Acquaintance {
    Acquaintance {
        chat: format!("{number}@s.whatsapp.net"),
        jid: format!("{number}@s.whatsapp.net"),
        lid: Some(format!("1{number}@lid")),
        name: Some(format!("Name of {number}")),
    }
}

fn chunks(history: &History, wanted: Wanted) -> Vec<wa::HistorySync> {
    history.chunks(wanted, NOW, &known("1"), known)
}

/// The texts of a chat's messages in a piece.
fn texts(chunk: &wa::HistorySync, number: &str) -> Vec<String> {
    let chats = chunk.conversations.iter().filter(|chat| chat.id.starts_with(number));
    let messages = chats.flat_map(|chat| &chat.messages);
    messages.map(|message| message.message.message.conversation.clone().unwrap()).collect()
}

#[test]
fn who_has_no_past_tells_nothing() {
    assert_eq!(chunks(&History::default(), EVERYTHING), []);
}

#[test]
fn a_long_past_is_told_in_pieces_from_the_latest_on() {
    let history = history(250, &["2", "3"]);
    let told = chunks(&history, EVERYTHING);
    let kinds: Vec<_> = told.iter().map(|chunk| (chunk.sync_type, chunk.progress)).collect();
    assert_eq!(
        kinds,
        [
            (HistorySyncType::INITIAL_BOOTSTRAP, Some(40)),
            (HistorySyncType::PUSH_NAME, None),
            (HistorySyncType::RECENT, Some(80)),
            (HistorySyncType::RECENT, Some(100)),
        ]
    );
    let orders: Vec<_> = told.iter().filter_map(|chunk| chunk.chunk_order).collect();
    assert_eq!(orders, [1, 2, 3, 4]);
    assert_eq!(texts(&told[0], "3")[..2], ["text 249", "text 247"]);
    assert_eq!(texts(&told[3], "2").last().map(String::as_str), Some("text 0"));
    let names: Vec<_> =
        told[1].pushnames.iter().filter_map(|name| name.pushname.as_deref()).collect();
    assert_eq!(names, ["Name of 2", "Name of 3", "Name of 1"]);
    let full = chunks(&history, Wanted { full: true, days: None });
    assert_eq!(full[2].sync_type, HistorySyncType::FULL);
}

#[test]
fn what_is_older_than_wanted_stays_on_the_phone() {
    let told = chunks(&history(100, &["2"]), Wanted { full: false, days: Some(2) });
    assert_eq!(texts(&told[0], "2").len(), 48);
    assert_eq!(
        told[0].conversations[0].end_of_history_transfer_type,
        Some(EndOfHistoryTransferType::COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY)
    );
}

#[test]
fn a_chat_ends_in_the_piece_with_its_oldest_message() {
    let told = chunks(&history(150, &["2"]), EVERYTHING);
    let ends: Vec<_> = told
        .iter()
        .flat_map(|chunk| &chunk.conversations)
        .map(|chat| chat.end_of_history_transfer_type)
        .collect();
    let end = EndOfHistoryTransferType::COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY;
    assert_eq!(ends, [None, Some(end)]);
}

#[test]
fn a_chat_by_lid_says_whose_number_it_is() {
    let by_lid = |number: &str| {
        let known = known(number);
        Acquaintance { chat: known.lid.clone().unwrap(), ..known }
    };
    let told = history(1, &["2"]).chunks(EVERYTHING, NOW, &by_lid("1"), by_lid);
    let chat = &told[0].conversations[0];
    assert_eq!((chat.id.as_str(), chat.pn_jid.as_deref()), ("12@lid", Some("2@s.whatsapp.net")));
    assert_eq!(chat.messages[0].message.key.remote_jid.as_deref(), Some("12@lid"));
    let mapping = &told[0].phone_number_to_lid_mappings[0];
    assert_eq!(mapping.lid_jid.as_deref(), Some("12@lid"));
}

#[test]
fn the_limit_that_counts_is_that_of_the_sync_that_is_asked_for() {
    let mut props = wa::DeviceProps {
        history_sync_config: MessageField::some(wa::device_props::HistorySyncConfig {
            full_sync_days_limit: Some(365),
            recent_sync_days_limit: Some(7),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(Wanted::of(&props), Wanted { full: false, days: Some(7) });
    props.require_full_sync = Some(true);
    assert_eq!(Wanted::of(&props), Wanted { full: true, days: Some(365) });
    assert_eq!(Wanted::of(&wa::DeviceProps::default()), EVERYTHING);
}
