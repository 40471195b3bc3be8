use std::{
    io::{self, Read},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use tokio::runtime::Handle;
use url::Url;
use wacore::net::{HttpClient, HttpRequest, HttpResponse, StreamingHttpResponse};
use wharf_net::{Client, Method, Request, Response};
use whatsapp_rust::anyhow;

use crate::{tasks::Tasks, transport::Link};

/// The longest answer that is kept in memory as a whole; longer ones are for the streaming calls.
const LONGEST: usize = 64 << 20;

/// The library's HTTP requests (client version, media), through the session's way out.
pub(crate) struct Http {
    pub(crate) client: Client,
    pub(crate) tasks: Tasks,
    pub(crate) link: Arc<Link>,
}

impl Http {
    async fn send(client: &Client, request: HttpRequest) -> anyhow::Result<Response> {
        let method = Method::from_bytes(request.method.as_bytes())?;
        let mut ours = Request::new(method, Url::parse(&request.url)?);
        for (name, value) in &request.headers {
            ours = ours.header(name, value)?;
        }
        if let Some(body) = request.body {
            ours = ours.body(body);
        }
        Ok(client.send(ours).await?)
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let answer = async {
            let response = Self::send(&self.client, request).await?;
            let status_code = response.status().as_u16();
            anyhow::Ok(HttpResponse { status_code, body: response.bytes(LONGEST).await?.to_vec() })
        };
        answer.await.inspect_err(|e| {
            // The only request before the login is the look-up of the client version.
            if !self.link.greeted().is_cancelled() {
                self.link.set_problem(format!("the client version cannot be looked up: {e}"));
            }
        })
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    // The library calls this on a thread of the blocking pool.
    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        let runtime = Handle::try_current()?;
        let cancelled = self.tasks.cancelled().clone();
        let response = runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => anyhow::bail!("the session is over"),
                response = Self::send(&self.client, request) => response,
            }
        })?;
        let status_code = response.status().as_u16();
        let body = Body { response, rest: Bytes::new(), runtime, tasks: self.tasks.clone() };
        Ok(StreamingHttpResponse { status_code, body: Box::new(body) })
    }
}

/// A body that is read from a thread which may wait.
struct Body {
    response: Response,
    rest: Bytes,
    runtime: Handle,
    tasks: Tasks,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let chunk = self.runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = self.tasks.cancelled().cancelled() => Err(io::Error::other("the session is over")),
                    chunk = self.response.chunk() => chunk.map_err(io::Error::other),
                }
            })?;
            match chunk {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}
