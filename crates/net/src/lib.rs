#![doc = include_str!("../README.md")]

mod address;
mod body;
mod client;
mod dialer;
mod error;
mod failure;
mod guard;
mod net;
mod proxy;
mod request;
mod resolver;
mod tls;
mod tunnel;

pub use address::AddressKind;
pub use client::{Client, Response, Timeouts};
pub use dialer::{Connection, Dialer, Stream};
pub use error::{Error, ProxyFailure};
pub use guard::{Egress, Guard, Refused, UnknownEgress};
pub use net::Net;
pub use proxy::{BadProxy, Proxy, ProxyProtocol};
pub use request::Request;
pub use reqwest::{Method, StatusCode, header};
pub use resolver::{Resolver, SystemResolver};
pub use tls::{BadRoots, Roots, Tls};
pub use tokio_websockets::WebSocketStream;
