//! Who calls.

use std::any::Any;

use actix_web::dev::Extensions;

/// Gives a connection up whose peer takes nothing for a minute: nothing else limits how long an answer, or what a
/// WebSocket is told, may wait to be taken.
#[cfg(target_os = "linux")]
pub(crate) fn give_up_on_silence(connection: &dyn Any, _: &mut Extensions) {
    const MILLISECONDS: u32 = 60_000;
    if let Some(connection) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() {
        // Where the kernel refuses, the connection waits as long as it always did.
        let _ = rustix::net::sockopt::set_tcp_user_timeout(connection, MILLISECONDS);
    }
}

/// Only Linux knows of such a limit.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_up_on_silence(_: &dyn Any, _: &mut Extensions) {}
