//! The three people of most scenes.

use wharf_whatsapp_sim::{Phone, Simulator};

pub(crate) const ANA: &str = "5511999990001";
pub(crate) const BIA: &str = "5511999990002";
pub(crate) const CAIO: &str = "5511999990003";

/// A simulator with the phones of Ana, Bia and Caio.
pub(crate) async fn three(by_lid: bool) -> (Simulator, [Phone; 3]) {
    let sim = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
    let people = [(ANA, "Ana"), (BIA, "Bia"), (CAIO, "Caio")];
    let phones = people.map(|(number, name)| sim.create_phone(number, name).unwrap());
    (sim, phones)
}
