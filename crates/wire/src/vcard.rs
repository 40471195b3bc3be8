/// The number a vCard (RFC 2426) gives first, without its `+` and separators: WhatsApp's own `waid` parameter where there
/// is one, else the telephone itself.
pub(crate) fn phone_number(vcard: &str) -> Option<String> {
    vcard.lines().find_map(|line| {
        let (property, value) = line.split_once(':')?;
        // A property may carry a group: `item1.TEL;waid=…`.
        let mut parts = property.split(';');
        let name = parts.next()?;
        let name = name.rsplit('.').next().unwrap_or(name);
        if !name.eq_ignore_ascii_case("TEL") {
            return None;
        }
        let value = parts.find_map(|part| part.strip_prefix("waid=")).unwrap_or(value);
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_whatsapps_own_where_the_card_has_it() {
        let card =
            "BEGIN:VCARD\nFN:Ana\nitem1.TEL;waid=5511999990001:+55 11 9 9999-0002\nEND:VCARD";
        assert_eq!(phone_number(card).as_deref(), Some("5511999990001"));
        assert_eq!(phone_number("TEL:+55 11 99999-0002").as_deref(), Some("5511999990002"));
        assert_eq!(phone_number("FN:TEL"), None);
    }
}
