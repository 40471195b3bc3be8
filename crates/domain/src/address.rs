//! WhatsApp addresses: phone numbers and JIDs.

use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// A phone number in international form: 5 to 20 digits, no sign.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Accepts digits with the separators people write (`+`, spaces, `-`, `.`, parentheses) and keeps the digits.
    pub fn parse(raw: &str) -> Result<Self> {
        let separators = [' ', '-', '.', '(', ')'];
        let trimmed = raw.trim();
        let digits: String = trimmed.strip_prefix('+').unwrap_or(trimmed).replace(separators, "");
        let well_formed =
            (5..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        well_formed
            .then_some(Self(digits))
            .ok_or(Error::invalid("number", "must be 5 to 20 digits in international form"))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Both ways a Brazilian mobile number may be registered, this one first; other numbers have one form.
    ///
    /// Brazil added a ninth digit (a 9 after the two-digit area code) after many accounts were made, and
    /// WhatsApp keeps the form an account registered with. Which one exists only WhatsApp can say.
    #[must_use]
    pub fn forms(&self) -> Vec<Self> {
        let mut forms = vec![self.clone()];
        if let Some(national) = self.0.strip_prefix("55") {
            if national.len() == 11 && national.as_bytes()[2] == b'9' {
                forms.push(Self(format!("55{}{}", &national[..2], &national[3..])));
            } else if national.len() == 10 {
                forms.push(Self(format!("55{}9{}", &national[..2], &national[2..])));
            }
        }
        forms
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which kind of thing a JID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// A user by phone number, `s.whatsapp.net`.
    Phone,
    /// A user by hidden id, `lid`.
    Lid,
    /// A group, `g.us`.
    Group,
    /// A channel, `newsletter`.
    Newsletter,
    /// A broadcast list, or everybody's status: `broadcast`.
    Broadcast,
}

impl Server {
    /// The part after the `@`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "s.whatsapp.net",
            Self::Lid => "lid",
            Self::Group => "g.us",
            Self::Newsletter => "newsletter",
            Self::Broadcast => "broadcast",
        }
    }
}

/// A WhatsApp address without a device: `5511999990001@s.whatsapp.net`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Jid {
    user: String,
    server: Server,
}

impl Jid {
    /// The user that a phone number belongs to.
    #[must_use]
    pub fn phone(number: &PhoneNumber) -> Self {
        Self { user: number.0.clone(), server: Server::Phone }
    }

    /// Accepts `user@server`; a device (`user:12@server`) is dropped, since an address here names no device.
    pub fn parse(raw: &str) -> Result<Self> {
        let refusal = || Error::invalid("jid", "is not a WhatsApp address");
        let (user, server) = raw.trim().split_once('@').ok_or_else(refusal)?;
        let server = match server {
            "s.whatsapp.net" | "c.us" => Server::Phone,
            "lid" => Server::Lid,
            "g.us" => Server::Group,
            "newsletter" => Server::Newsletter,
            "broadcast" => Server::Broadcast,
            _ => return Err(refusal()),
        };
        let user = user.split_once(':').map_or(user, |(user, _device)| user);
        let well_formed = (1..=64).contains(&user.len())
            && user.bytes().all(|b| match server {
                Server::Phone | Server::Lid => b.is_ascii_digit(),
                Server::Group => b.is_ascii_digit() || b == b'-',
                Server::Newsletter | Server::Broadcast => b.is_ascii_alphanumeric(),
            });
        if well_formed { Ok(Self { user: user.to_owned(), server }) } else { Err(refusal()) }
    }

    /// The part before the `@`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The kind of thing it names.
    #[must_use]
    pub fn server(&self) -> Server {
        self.server
    }

    /// The phone number, when the address is one.
    #[must_use]
    pub fn number(&self) -> Option<PhoneNumber> {
        (self.server == Server::Phone).then(|| PhoneNumber(self.user.clone()))
    }

    /// Whether this is `status@broadcast`, where everybody's status updates go.
    #[must_use]
    pub fn is_status(&self) -> bool {
        self.server == Server::Broadcast && self.user == "status"
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.server.as_str())
    }
}

impl FromStr for Jid {
    type Err = Error;

    fn from_str(raw: &str) -> Result<Self> {
        Self::parse(raw)
    }
}

/// Whom a message is for: a number to be looked up, or an address to be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A phone number, of which WhatsApp has to say whether and how it is registered.
    Number(PhoneNumber),
    /// An address.
    Jid(Jid),
}

impl Recipient {
    /// Accepts what callers put in `number`: digits or any JID but a broadcast's. A user's JID counts as the number.
    pub fn parse(raw: &str) -> Result<Self> {
        if !raw.contains('@') {
            return PhoneNumber::parse(raw).map(Self::Number);
        }
        let jid =
            Jid::parse(raw).map_err(|_| Error::invalid("number", "is not a WhatsApp address"))?;
        if jid.server() == Server::Broadcast {
            return Err(Error::invalid(
                "number",
                "status updates and broadcasts cannot be sent here",
            ));
        }
        Ok(match jid.number() {
            Some(number) => Self::Number(PhoneNumber::parse(number.as_str())?),
            None => Self::Jid(jid),
        })
    }
}

/// Somebody as we know them: by phone number whenever that is known, with the hidden id beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The phone JID when it is known, else the LID.
    pub jid: Jid,
    /// The LID, when it is known.
    pub lid: Option<Jid>,
    /// The name they or we gave them.
    pub name: Option<String>,
}

impl Party {
    /// Prefers the phone JID: of two addresses of one user, `jid` becomes the phone one and `lid` the other.
    #[must_use]
    pub fn of(address: Jid, alternative: Option<Jid>, name: Option<String>) -> Self {
        match (address.server, alternative) {
            (Server::Lid, Some(other)) if other.server == Server::Phone => {
                Self { jid: other, lid: Some(address), name }
            }
            (Server::Lid, _) => Self { lid: Some(address.clone()), jid: address, name },
            (_, Some(other)) if other.server == Server::Lid => {
                Self { jid: address, lid: Some(other), name }
            }
            (_, _) => Self { jid: address, lid: None, name },
        }
    }

    /// Takes note of the phone JID of somebody of whom only the LID was known.
    pub fn learn(&mut self, phone: Jid) {
        if self.jid.server == Server::Lid && phone.server == Server::Phone {
            self.lid = Some(std::mem::replace(&mut self.jid, phone));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let number = PhoneNumber::parse("+55 (11) 99999-0001").unwrap();
        assert_eq!(number.as_str(), "5511999990001");
        for refused in ["", "1234", "abc", "55119999x0001", "123456789012345678901"] {
            assert!(PhoneNumber::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_brazilian_mobile_number_has_two_forms() {
        let forms = |raw: &str| -> Vec<String> {
            PhoneNumber::parse(raw).unwrap().forms().iter().map(ToString::to_string).collect()
        };
        assert_eq!(forms("5511999990001"), ["5511999990001", "551199990001"]);
        assert_eq!(forms("551199990001"), ["551199990001", "5511999990001"]);
        assert_eq!(forms("4915112345678"), ["4915112345678"]);
    }

    #[test]
    fn a_jid_drops_its_device() {
        let jid = Jid::parse("5511999990001:12@s.whatsapp.net").unwrap();
        assert_eq!(jid.to_string(), "5511999990001@s.whatsapp.net");
        assert!(Jid::parse("status@broadcast").unwrap().is_status());
        for refused in ["", "@lid", "x@lid", "1@example.com", "1 2@g.us"] {
            assert!(Jid::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_party_goes_by_its_phone_number_whenever_that_is_known() {
        let phone = Jid::parse("5511999990001@s.whatsapp.net").unwrap();
        let lid = Jid::parse("123@lid").unwrap();
        let expected = Party { jid: phone.clone(), lid: Some(lid.clone()), name: None };
        assert_eq!(Party::of(phone.clone(), Some(lid.clone()), None), expected);
        assert_eq!(Party::of(lid.clone(), Some(phone), None), expected);
        assert_eq!(Party::of(lid.clone(), None, None).jid, lid);
    }
}
