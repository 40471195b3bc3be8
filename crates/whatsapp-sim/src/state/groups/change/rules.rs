//! What may be done with a group, by whom, and what comes of it.

use super::super::{Description, Group, MemberAddMode, Role, Stamp, new_invite};
use super::{Effect, GroupChange, Outcome, Refusal};

/// The longest subject WhatsApp takes, in characters.
const LONGEST_SUBJECT: usize = 100;

impl Group {
    /// Does what `actor` wants, if that may be.
    pub(crate) fn apply(
        &mut self,
        actor: &str,
        change: &GroupChange,
        now: u64,
    ) -> Result<Outcome, Refusal> {
        if let GroupChange::Cancel = change {
            return Ok(self.take_requests(&[actor.to_owned()]).withdrawn());
        }
        let role = self.role(actor).ok_or(Refusal::NotAMember)?;
        let is_admin = role > Role::Member;
        let may = match change {
            GroupChange::Add { .. } => {
                is_admin || self.settings.member_add_mode == MemberAddMode::AllMemberAdd
            }
            GroupChange::Subject { .. } | GroupChange::Description { .. } => {
                is_admin || !self.settings.locked
            }
            GroupChange::Leave | GroupChange::Cancel | GroupChange::Other { .. } => true,
            GroupChange::Delete => role == Role::SuperAdmin,
            _ => is_admin,
        };
        if !may {
            return Err(Refusal::NotAllowed);
        }
        let stamp = Stamp { number: actor.to_owned(), at: now };
        let effect = match change {
            GroupChange::Add { members } if self.settings.approval && !is_admin => {
                return Ok(self.request(members, "non_admin_add", now));
            }
            GroupChange::Add { members } => return Ok(self.add(members, None)),
            GroupChange::Remove { members } => return Ok(self.remove_members(actor, members)),
            GroupChange::Promote { members } => return Ok(self.promote(members)),
            GroupChange::Demote { members } => return Ok(self.demote(members)),
            GroupChange::Approve { members } => {
                let Requests { found, refused } = self.take_requests(members);
                let mut outcome = self.add(&found, None);
                outcome.refused.extend(refused);
                return Ok(outcome);
            }
            GroupChange::Reject { members } => {
                return Ok(self.take_requests(members).withdrawn());
            }
            GroupChange::Leave => return Ok(self.leave(actor)),
            GroupChange::Subject { subject } => {
                if subject.trim().is_empty() || subject.chars().count() > LONGEST_SUBJECT {
                    return Err(Refusal::Senseless);
                }
                self.subject.clone_from(subject);
                self.renamed = Some(stamp);
                Effect::Subject
            }
            GroupChange::Description { text } => {
                let id = format!("{:08X}", rand::random::<u32>());
                return Ok(self.describe_as(id, text.clone(), stamp));
            }
            GroupChange::Announcement { on } => {
                self.settings.announcement = *on;
                Effect::Announcement
            }
            GroupChange::Locked { on } => {
                self.settings.locked = *on;
                Effect::Locked
            }
            GroupChange::Ephemeral { seconds } => {
                self.settings.ephemeral = *seconds;
                Effect::Ephemeral
            }
            GroupChange::Approval { on } => {
                self.settings.approval = *on;
                Effect::Approval
            }
            GroupChange::MemberAddMode { mode } => {
                self.settings.member_add_mode = *mode;
                Effect::MemberAddMode
            }
            GroupChange::ResetInvite => {
                self.invite = Some(new_invite());
                Effect::InviteReset
            }
            GroupChange::Delete => Effect::Deleted,
            GroupChange::Other { tag } => Effect::Other(tag.clone()),
            // Dealt with above, as it is not for members.
            GroupChange::Cancel => return Err(Refusal::Senseless),
        };
        Ok(Outcome { refused: Vec::new(), effects: vec![effect] })
    }

    /// The same for a description that replaces the one it knows of: `previous` names it.
    pub(crate) fn replace_description(
        &mut self,
        actor: &str,
        previous: Option<&str>,
        id: String,
        text: Option<String>,
        now: u64,
    ) -> Result<Outcome, Refusal> {
        let role = self.role(actor).ok_or(Refusal::NotAMember)?;
        if self.settings.locked && role == Role::Member {
            return Err(Refusal::NotAllowed);
        }
        if self.description.as_ref().map(|known| known.id.as_str()) != previous {
            return Err(Refusal::Overtaken);
        }
        Ok(self.describe_as(id, text, Stamp { number: actor.to_owned(), at: now }))
    }

    /// Lets somebody in who has the invite link, or notes that they want to be let in.
    pub(crate) fn join(&mut self, number: &str, now: u64) -> Result<Outcome, Refusal> {
        if self.has(number) {
            return Err(Refusal::Already);
        }
        let who = [number.to_owned()];
        if self.settings.approval {
            return Ok(self.request(&who, "invite_link", now));
        }
        Ok(self.add(&who, Some("invite")))
    }

    fn describe_as(&mut self, id: String, text: Option<String>, set: Stamp) -> Outcome {
        let effects = vec![Effect::Description { id: id.clone() }];
        self.description = text.map(|text| Description { id, text, set });
        Outcome { refused: Vec::new(), effects }
    }

    fn add(&mut self, numbers: &[String], reason: Option<&'static str>) -> Outcome {
        let mut outcome = Outcome::default();
        let who = outcome.sort_out(numbers, |number| if self.has(number) { 409 } else { 200 });
        self.requests.retain(|request| !who.contains(&request.number));
        self.members.extend(who.iter().cloned());
        outcome.and(who, |who| Effect::Added { who, reason })
    }

    fn request(&mut self, numbers: &[String], method: &'static str, now: u64) -> Outcome {
        let mut outcome = Outcome::default();
        let asked = |number: &str| self.requests.iter().any(|request| request.number == number);
        let known = |number: &str| self.has(number) || asked(number);
        let who = outcome.sort_out(numbers, |number| if known(number) { 409 } else { 200 });
        let requests = who.iter().map(|number| Stamp { number: number.clone(), at: now });
        self.requests.extend(requests);
        outcome.and(who, |who| Effect::Requested { who, method })
    }

    fn remove_members(&mut self, actor: &str, numbers: &[String]) -> Outcome {
        let mut outcome = Outcome::default();
        let who = outcome.sort_out(numbers, |number| match self.role(number) {
            None => 404,
            Some(Role::SuperAdmin) if actor != number => 405,
            Some(_) => 200,
        });
        for number in &who {
            self.drop_member(number);
        }
        outcome.and(who, Effect::Removed)
    }

    fn leave(&mut self, actor: &str) -> Outcome {
        self.drop_member(actor);
        let mut outcome = Outcome::default().and(vec![actor.to_owned()], Effect::Removed);
        // A group is not left without an admin: the one who came first takes over.
        if !self.members.iter().any(|member| self.is_admin(member))
            && let Some(first) = self.members.first().cloned()
        {
            self.admins.insert(first.clone());
            outcome.effects.push(Effect::Promoted(vec![first]));
        }
        outcome
    }

    fn drop_member(&mut self, number: &str) {
        self.members.retain(|member| member != number);
        self.admins.remove(number);
        self.owner_left |= self.owner == number;
    }

    fn promote(&mut self, numbers: &[String]) -> Outcome {
        let mut outcome = Outcome::default();
        let who = outcome.sort_out(numbers, |number| match self.role(number) {
            None => 404,
            Some(Role::Member) => 200,
            Some(_) => 409,
        });
        self.admins.extend(who.iter().cloned());
        outcome.and(who, Effect::Promoted)
    }

    fn demote(&mut self, numbers: &[String]) -> Outcome {
        let mut outcome = Outcome::default();
        let who = outcome.sort_out(numbers, |number| match self.role(number) {
            None => 404,
            Some(Role::Admin) => 200,
            Some(Role::Member) => 409,
            Some(Role::SuperAdmin) => 405,
        });
        for number in &who {
            self.admins.remove(number);
        }
        outcome.and(who, Effect::Demoted)
    }

    fn take_requests(&mut self, numbers: &[String]) -> Requests {
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        for number in numbers {
            let before = self.requests.len();
            self.requests.retain(|request| request.number != *number);
            if self.requests.len() < before {
                found.push(number.clone());
            } else {
                refused.push((number.clone(), 404));
            }
        }
        Requests { found, refused }
    }
}

/// Whose wish to be let in is dealt with.
struct Requests {
    found: Vec<String>,
    refused: Vec<(String, u16)>,
}

impl Requests {
    fn withdrawn(self) -> Outcome {
        let outcome = Outcome { refused: self.refused, effects: Vec::new() };
        outcome.and(self.found, Effect::Withdrawn)
    }
}

impl Outcome {
    /// Those of the numbers that the verdict is 200 on, each once; the others are refused.
    fn sort_out(&mut self, numbers: &[String], verdict: impl Fn(&str) -> u16) -> Vec<String> {
        let mut who: Vec<String> = Vec::new();
        for number in numbers {
            match verdict(number) {
                200 if !who.contains(number) => who.push(number.clone()),
                200 => {}
                code => self.refused.push((number.clone(), code)),
            }
        }
        who
    }

    /// With something that has happened to somebody, if it has to anybody.
    fn and(mut self, who: Vec<String>, effect: impl FnOnce(Vec<String>) -> Effect) -> Self {
        if !who.is_empty() {
            self.effects.push(effect(who));
        }
        self
    }
}

#[cfg(test)]
mod tests;
