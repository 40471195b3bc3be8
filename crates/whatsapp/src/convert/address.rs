use wacore::iq::usync::IsOnWhatsAppResult;
use wharf_domain::address::{Jid, Party, PhoneNumber, Server};

type LibraryJid = wacore_binary::Jid;
type LibraryServer = wacore_binary::Server;

/// An address of the library without its device. `None` for what we have no word for: bots, calls.
pub(crate) fn from_library(jid: &LibraryJid) -> Option<Jid> {
    let server = match jid.server {
        // The same users, on devices that WhatsApp itself runs.
        LibraryServer::Pn | LibraryServer::Legacy | LibraryServer::Hosted => Server::Phone,
        LibraryServer::Lid | LibraryServer::HostedLid => Server::Lid,
        LibraryServer::Group => Server::Group,
        LibraryServer::Newsletter => Server::Newsletter,
        LibraryServer::Broadcast => Server::Broadcast,
        _ => return None,
    };
    Jid::parse(&format!("{}@{}", jid.user, server.as_str())).ok()
}

/// An address as the library takes it.
pub(crate) fn to_library(jid: &Jid) -> LibraryJid {
    let server = match jid.server() {
        Server::Phone => LibraryServer::Pn,
        Server::Lid => LibraryServer::Lid,
        Server::Group => LibraryServer::Group,
        Server::Newsletter => LibraryServer::Newsletter,
        Server::Broadcast => LibraryServer::Broadcast,
    };
    LibraryJid::new(jid.user(), server)
}

/// Which phone numbers and LIDs belong together, as far as it was looked up.
#[derive(Debug, Default)]
pub(crate) struct Aliases(Vec<(String, String)>);

impl Aliases {
    /// Adds the user parts of a phone address and of the LID of the same user.
    pub(crate) fn add(&mut self, phone: &str, lid: &str) {
        self.0.push((phone.to_owned(), lid.to_owned()));
    }

    /// Adds two addresses if they are the phone address and the LID of one user.
    pub(crate) fn pair(&mut self, one: &Jid, other: &Jid) {
        match (one.server(), other.server()) {
            (Server::Phone, Server::Lid) => self.add(one.user(), other.user()),
            (Server::Lid, Server::Phone) => self.add(other.user(), one.user()),
            _ => {}
        }
    }

    /// Whether the other address is here.
    pub(crate) fn knows(&self, jid: &LibraryJid) -> bool {
        from_library(jid).is_some_and(|jid| self.other(&jid).is_some())
    }

    /// The other address of the same user.
    pub(crate) fn other(&self, jid: &Jid) -> Option<Jid> {
        let user = jid.user();
        let other = match jid.server() {
            Server::Phone => {
                let (_, lid) = self.0.iter().find(|(phone, _)| phone == user)?;
                format!("{lid}@lid")
            }
            Server::Lid => {
                let (phone, _) = self.0.iter().find(|(_, lid)| lid == user)?;
                format!("{phone}@s.whatsapp.net")
            }
            _ => return None,
        };
        Jid::parse(&other).ok()
    }

    /// Somebody as we know them: by what came with the address, or by what was looked up.
    pub(super) fn party(
        &self,
        jid: Jid,
        came_with: Option<&LibraryJid>,
        name: Option<String>,
    ) -> Party {
        let other = came_with.and_then(from_library).or_else(|| self.other(&jid));
        Party::of(jid, other, name)
    }

    /// The phone address where it is known.
    pub(super) fn by_phone(&self, jid: Jid) -> Jid {
        self.party(jid, None, None).jid
    }
}

/// The registered one among the forms of a number, as WhatsApp's answers have it; the form asked for goes first.
pub(crate) fn registered(forms: &[PhoneNumber], answers: &[IsOnWhatsAppResult]) -> Option<Party> {
    let registered: Vec<_> = answers
        .iter()
        .filter(|answer| answer.is_registered)
        .filter_map(|answer| {
            let jid = from_library(&answer.jid)?;
            let other = answer.lid.as_ref().or(answer.pn_jid.as_ref()).and_then(from_library);
            Some(Party::of(jid, other, None))
        })
        .collect();
    let asked_for = forms
        .iter()
        .find_map(|form| registered.iter().find(|party| party.jid.user() == form.as_str()));
    asked_for.or(registered.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_device_and_unknown_kinds_are_none() {
        let table = [
            ("5511999990001:12@s.whatsapp.net", Some("5511999990001@s.whatsapp.net")),
            ("5511999990001@c.us", Some("5511999990001@s.whatsapp.net")),
            ("123:7@lid", Some("123@lid")),
            ("120363000000000001@g.us", Some("120363000000000001@g.us")),
            ("status@broadcast", Some("status@broadcast")),
            ("1@newsletter", Some("1@newsletter")),
            ("13135550002@bot", None),
        ];
        for (library, ours) in table {
            let jid: LibraryJid = library.parse().unwrap();
            assert_eq!(from_library(&jid).map(|jid| jid.to_string()).as_deref(), ours, "{library}");
        }
    }

    #[test]
    fn addresses_survive_the_way_there_and_back() {
        for raw in ["5511999990001@s.whatsapp.net", "123@lid", "1-2@g.us", "status@broadcast"] {
            let jid = Jid::parse(raw).unwrap();
            assert_eq!(from_library(&to_library(&jid)), Some(jid));
        }
    }

    #[test]
    fn what_came_with_an_address_goes_before_what_was_looked_up() {
        let mut aliases = Aliases::default();
        aliases.add("5511999990001", "1");
        let lid = Jid::parse("1@lid").unwrap();
        assert_eq!(aliases.party(lid.clone(), None, None).jid.user(), "5511999990001");
        let came_with = LibraryJid::pn("5511999990002");
        assert_eq!(aliases.party(lid, Some(&came_with), None).jid.user(), "5511999990002");
        assert_eq!(aliases.by_phone(Jid::parse("2@lid").unwrap()).to_string(), "2@lid");
    }
}
