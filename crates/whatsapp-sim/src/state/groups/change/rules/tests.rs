use super::*;

const OWNER: &str = "1";

fn group() -> Group {
    let mut group = Group::new(OWNER, "Friends", false, 10);
    group.members.extend(["2", "3", "4"].map(str::to_owned));
    group.admins.insert("2".to_owned());
    group
}

fn numbers(numbers: &[&str]) -> Vec<String> {
    numbers.iter().map(|number| (*number).to_owned()).collect()
}

fn done(group: &mut Group, actor: &str, change: &GroupChange) -> Vec<Effect> {
    let outcome = group.apply(actor, change, 20).unwrap();
    assert_eq!(outcome.refused, []);
    outcome.effects
}

#[test]
fn members_do_what_the_settings_leave_to_them() {
    let mut group = group();
    let subject = GroupChange::Subject { subject: "Others".to_owned() };
    assert_eq!(done(&mut group, "3", &subject), [Effect::Subject]);
    assert_eq!(group.renamed, Some(Stamp { number: "3".to_owned(), at: 20 }));
    let add = GroupChange::Add { members: numbers(&["5"]) };
    assert!(matches!(done(&mut group, "3", &add)[..], [Effect::Added { reason: None, .. }]));

    group.settings.locked = true;
    group.settings.member_add_mode = MemberAddMode::AdminAdd;
    for change in [subject, add, GroupChange::Locked { on: false }, GroupChange::ResetInvite] {
        assert_eq!(group.apply("3", &change, 20), Err(Refusal::NotAllowed));
        assert_eq!(group.apply("9", &change, 20), Err(Refusal::NotAMember));
    }
    assert_eq!(group.apply("2", &GroupChange::Delete, 20), Err(Refusal::NotAllowed));
    assert_eq!(done(&mut group, OWNER, &GroupChange::Delete), [Effect::Deleted]);
}

#[test]
fn each_participant_is_dealt_with_alone() {
    let mut group = group();
    let members = numbers(&["3", "3", "9", OWNER]);
    let promoted = group.apply("2", &GroupChange::Promote { members: members.clone() }, 20);
    let promoted = promoted.unwrap();
    assert_eq!(promoted.effects, [Effect::Promoted(numbers(&["3"]))]);
    assert_eq!(promoted.refused, [("9".to_owned(), 404), (OWNER.to_owned(), 409)]);
    let removed = group.apply("2", &GroupChange::Remove { members }, 20).unwrap();
    assert_eq!(removed.effects, [Effect::Removed(numbers(&["3"]))]);
    assert_eq!(removed.refused[1], (OWNER.to_owned(), 405));
    assert!(!group.has("3") && !group.admins.contains("3"));
}

#[test]
fn a_group_whose_last_admin_leaves_gets_another() {
    let mut group = group();
    let left = Effect::Removed(numbers(&[OWNER]));
    assert_eq!(done(&mut group, OWNER, &GroupChange::Leave), [left]);
    let left = Effect::Removed(numbers(&["2"]));
    let next = Effect::Promoted(numbers(&["3"]));
    assert_eq!(done(&mut group, "2", &GroupChange::Leave), [left, next]);
    // Who has left is not what they were when they come back.
    done(&mut group, "3", &GroupChange::Add { members: numbers(&[OWNER]) });
    assert_eq!(group.role(OWNER), Some(Role::Member));
}

#[test]
fn who_has_to_be_let_in_asks_once() {
    let mut group = group();
    group.settings.approval = true;
    let asked = group.join("5", 20).unwrap();
    let who = numbers(&["5"]);
    assert_eq!(asked.effects, [Effect::Requested { who: who.clone(), method: "invite_link" }]);
    let again = group.join("5", 20).unwrap();
    assert_eq!((again.effects, again.refused), (vec![], vec![("5".to_owned(), 409)]));
    assert_eq!(group.join("3", 20), Err(Refusal::Already));
    assert!(!group.has("5"));

    let approve = GroupChange::Approve { members: who.clone() };
    assert_eq!(group.apply("3", &approve, 20), Err(Refusal::NotAllowed));
    assert_eq!(done(&mut group, "2", &approve), [Effect::Added { who, reason: None }]);
    assert!(group.has("5") && group.requests.is_empty());

    let add = GroupChange::Add { members: numbers(&["6"]) };
    let method = "non_admin_add";
    let who = numbers(&["6"]);
    assert_eq!(done(&mut group, "5", &add), [Effect::Requested { who: who.clone(), method }]);
    assert_eq!(done(&mut group, "6", &GroupChange::Cancel), [Effect::Withdrawn(who)]);
}

#[test]
fn a_description_replaces_the_one_it_knows_of() {
    let mut group = group();
    let mut set = |previous, id: &str, text: Option<&str>| {
        group.replace_description("3", previous, id.to_owned(), text.map(str::to_owned), 20)
    };
    set(None, "A", Some("first")).unwrap();
    assert_eq!(set(None, "B", Some("second")), Err(Refusal::Overtaken));
    set(Some("A"), "B", Some("second")).unwrap();
    set(Some("B"), "C", None).unwrap();
    set(None, "D", Some("third")).unwrap();
    assert_eq!(group.description.unwrap().text, "third");
}
