use std::{
    io::{self, Read},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use futures::stream::poll_fn;
use tokio::{runtime::Handle, sync::mpsc};
use url::Url;
use wacore::net::{HttpClient, HttpRequest, HttpResponse, StreamingHttpResponse, UploadBody};
use wharf_net::{Client, Method, Request, Response};
use whatsapp_rust::anyhow;

use crate::{tasks::Tasks, transport::Link};

/// The longest answer that is kept in memory as a whole; longer ones are for the streaming calls.
const LONGEST: usize = 64 << 20;
/// How much of an upload is read at a time, and how many such pieces are read ahead.
const PIECE: usize = 64 << 10;
const PIECES: usize = 2;

/// The library's HTTP requests (client version, media), through the session's way out.
pub(crate) struct Http {
    pub(crate) client: Client,
    pub(crate) tasks: Tasks,
    pub(crate) link: Arc<Link>,
}

impl Http {
    fn ours(request: HttpRequest) -> anyhow::Result<Request> {
        let method = Method::from_bytes(request.method.as_bytes())?;
        let mut ours = Request::new(method, Url::parse(&request.url)?);
        for (name, value) in &request.headers {
            ours = ours.header(name, value)?;
        }
        Ok(match request.body {
            Some(body) => ours.body(body),
            None => ours,
        })
    }

    async fn exchange(client: &Client, request: Request) -> anyhow::Result<HttpResponse> {
        let response = client.send(request).await?;
        let status_code = response.status().as_u16();
        Ok(HttpResponse { status_code, body: response.bytes(LONGEST).await?.to_vec() })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let answer = async { Self::exchange(&self.client, Self::ours(request)?).await };
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
        let request = Self::ours(request)?;
        let response = runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => anyhow::bail!("the session is over"),
                response = self.client.send(request) => Ok(response?),
            }
        })?;
        let status_code = response.status().as_u16();
        let body = Body { response, rest: Bytes::new(), runtime, tasks: self.tasks.clone() };
        Ok(StreamingHttpResponse { status_code, body: Box::new(body) })
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    // Also on a thread of the blocking pool.
    fn execute_upload(
        &self,
        request: HttpRequest,
        mut body: UploadBody,
        content_length: u64,
    ) -> anyhow::Result<HttpResponse> {
        let (pieces, mut read) = mpsc::channel(PIECES);
        let stream = poll_fn(move |context| read.poll_recv(context));
        let request = Self::ours(request)?.stream(content_length, stream);
        let client = self.client.clone();
        let answer = self.tasks.ask(async move { Self::exchange(&client, request).await });
        loop {
            let piece = next_piece(&mut body).transpose();
            let Some(piece) = piece else { break };
            let failed = piece.is_err();
            // Nobody takes it when the server has answered already, or the session is over.
            if pieces.blocking_send(piece).is_err() || failed {
                break;
            }
        }
        drop(pieces);
        answer.blocking_recv().map_err(|_| anyhow::anyhow!("the session is over"))?
    }
}

fn next_piece(body: &mut UploadBody) -> io::Result<Option<Bytes>> {
    let mut piece = vec![0; PIECE];
    let length = body.read(&mut piece)?;
    piece.truncate(length);
    Ok((length > 0).then(|| piece.into()))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use wacore::runtime::Runtime;
    use wharf_net::{Egress, Net, Roots, Timeouts, Tls};

    use super::*;

    fn http() -> Http {
        let second = Duration::from_secs(5);
        let timeouts = Timeouts { connect: second, stall: second, total: None };
        let net = Net::new(Tls::new(Roots::web()), Egress::Open);
        let client = net.trusted_client(timeouts, None).unwrap();
        Http { client, tasks: Tasks::default(), link: Arc::default() }
    }

    /// Answers every request with the same head and body, and keeps the connection open.
    async fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/media", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let _ = client.read(&mut [0; 1024]).await;
                let _ = client.write_all(answer.as_bytes()).await;
                open.push(client);
            }
        });
        url
    }

    #[tokio::test]
    async fn a_status_is_an_answer_and_not_a_failure() {
        let url = server("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone").await;
        let answer = http().execute(HttpRequest::get(url)).await.unwrap();
        assert_eq!((answer.status_code, answer.body.as_slice()), (404, &b"gone"[..]));
    }

    #[tokio::test]
    async fn a_failure_before_the_login_is_why_there_is_no_connection() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let http = http();
        http.execute(HttpRequest::get(format!("http://{nobody}/sw.js"))).await.unwrap_err();
        let problem = http.link.problem().unwrap();
        assert!(problem.starts_with("the client version cannot be looked up"), "{problem}");
    }

    #[tokio::test]
    async fn a_body_is_read_piece_by_piece_from_a_thread() {
        let url = server("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcdefgh").await;
        let http = http();
        let read = tokio::task::spawn_blocking(move || {
            let mut answer = http.execute_streaming(HttpRequest::get(url)).unwrap();
            let mut first = [0; 3];
            answer.body.read_exact(&mut first).unwrap();
            let mut rest = String::new();
            answer.body.read_to_string(&mut rest).unwrap();
            (first, rest)
        });
        assert_eq!(read.await.unwrap(), (*b"abc", "defgh".to_owned()));
    }

    #[tokio::test]
    async fn a_body_is_sent_piece_by_piece_from_a_thread() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/media", listener.local_addr().unwrap());
        let body: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let (http, sent) = (http(), body.clone());
        let length = sent.len() as u64;
        let sending = tokio::task::spawn_blocking(move || {
            http.execute_upload(HttpRequest::post(url), Box::new(io::Cursor::new(sent)), length)
        });
        let (mut client, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(&body[body.len() - 1000..]) {
            assert_ne!(client.read_buf(&mut received).await.unwrap(), 0);
        }
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        let answer = sending.await.unwrap().unwrap();
        assert_eq!((answer.status_code, answer.body.as_slice()), (200, &b"ok"[..]));
        assert!(received.ends_with(&body));
        let head = String::from_utf8_lossy(&received[..received.len() - body.len()]).to_lowercase();
        assert!(head.contains("content-length: 300000"), "{head}");
    }

    #[tokio::test]
    async fn a_thread_that_waits_for_a_body_is_let_go_when_the_session_ends() {
        let url = server("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcd").await;
        let http = http();
        let tasks = http.tasks.clone();
        let (reading, at_it) = std::sync::mpsc::channel();
        let read = tasks.clone().spawn_blocking(Box::new(move || {
            let mut answer = http.execute_streaming(HttpRequest::get(url)).unwrap();
            answer.body.read_exact(&mut [0; 4]).unwrap();
            reading.send(()).unwrap();
            answer.body.read_to_end(&mut Vec::new()).unwrap_err();
        }));
        drop(read);
        tokio::task::spawn_blocking(move || at_it.recv().unwrap()).await.unwrap();
        tasks.end().await;
    }
}
